//! The agent's socket.

use uugate::agent::{Answer, LONGEST_OPENING, Opening, Request};
use uugate::frames;

/// What may come over the agent's socket, either way: a daemon that was taken over, or the child of a hostile user.
pub fn agent_message(bytes: &[u8]) {
    let mut rest = bytes;
    while let Some((header, content)) = rest.split_first_chunk() {
        let Ok((kind, length)) = frames::parse_header(*header) else { return };
        let Some((content, behind)) = content.split_at_checked(length) else { return };
        if kind == frames::Kind::Message {
            if length <= LONGEST_OPENING
                && let Ok(opening) = serde_json::from_slice::<Opening>(content)
            {
                assert_eq!(reread(&opening), opening);
            }
            if let Ok(request) = serde_json::from_slice::<Request>(content) {
                assert_eq!(reread(&request), request);
            }
            if let Ok(answer) = serde_json::from_slice::<Answer>(content) {
                assert_eq!(reread(&answer), answer);
            }
        }
        rest = behind;
    }
}

fn reread<T: serde::Serialize + serde::de::DeserializeOwned>(message: &T) -> T {
    let text = serde_json::to_vec(message).expect("what was read can be written");
    serde_json::from_slice(&text).expect("what was written can be read")
}
