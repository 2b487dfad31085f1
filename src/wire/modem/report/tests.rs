//! The samples are those of the manuals that the head of `report.rs` names, with the columns as printed there.

use super::*;
use proptest::prelude::*;

fn read(text: &str) -> CallReport {
    CallReport::read(text.as_bytes())
}

fn rates(first: Option<u32>, highest: Option<u32>, last: Option<u32>) -> Rates {
    Rates { first, highest, last }
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn usrobotics_i6() {
    let report = read(
        "Chars sent             14760      Chars Received         34270\r\n\
         Chars lost                 0\r\n\
         Octets sent             6677      Octets Received        25925\r\n\
         Blocks sent              369      Blocks Received          636\r\n\
         Blocks resent              4\r\n\r\n\
         Retrains Requested         1      Retrains Granted           2\r\n\
         Line Reversals             0      Blers                      3\r\n\
         Link Timeouts              0      Link Naks                  0\r\n\r\n\
         Data Compression       V42BIS 2048/32\r\n\
         Equalization           Long\r\n\
         Fallback               Enabled\r\n\
         Protocol               LAPM/SREJ\r\n\
         Speed                  48000/28800\r\n\
         V.90 Peak Speed        49333\r\n\
         Last Call              00:03:21\r\n\r\n\
         Disconnect Reason is DTR dropped\r\n\r\nOK\r\n",
    );
    let wanted = CallReport {
        transmit: rates(None, None, Some(28800)),
        receive: rates(None, Some(49333), Some(48000)),
        error_correction: text("LAPM/SREJ"),
        compression: text("V42BIS 2048/32"),
        retrains_asked: Some(1),
        retrains_granted: Some(2),
        blocks_sent: Some(369),
        blocks_resent: Some(4),
        block_errors: Some(3),
        characters_lost: Some(0),
        reason: text("DTR dropped"),
        ..CallReport::default()
    };
    assert_eq!(report, wanted);
    assert_eq!(
        report.to_string(),
        "sent at 28800 bit/s, received at 48000 bit/s (highest 49333), LAPM/SREJ, V42BIS 2048/32, retrains asked for: 1, \
         retrains granted: 2, blocks sent again: 4 of 369, blocks with errors: 3, characters lost: 0, ended by DTR dropped"
    );
}

#[test]
fn usrobotics_i11() {
    let report = read(
        "Modulation                V.34\r\nCarrier Freq     ( Hz )   1959/1959\r\nSymbol Rate               3429/3429\r\n\
         Trellis Code              64S-4D/64S-4D\r\nNonlinear Encoding        ON/ON\r\nPrecoding                 OFF/ON\r\n\
         Preemphasis       (-dB)   2/2\r\nRecv/Xmit Level   (-dB)   23/16\r\nSNR                (dB)   30\r\n\
         Near Echo Loss     (dB)   31\r\nRoundtrip Delay   (msec)  3\r\n",
    );
    let wanted = CallReport {
        modulation: text("V.34"),
        receive_level: Some(23),
        signal_to_noise: Some(30),
        ..CallReport::default()
    };
    assert_eq!(report, wanted);
}

#[test]
fn rockwell_v1() {
    let sample = "TERMINATION REASON.......... LOCAL REQUEST\r\nLAST TX rate................ 26400 BPS\r\n\
                  HIGHEST TX rate............. 26400 BPS\r\nLAST RX rate................ 49333 BPS\r\n\
                  HIGHEST RX rate............. 49333 BPS\r\nPROTOCOL.................... LAPM\r\n\
                  COMPRESSION................. V42Bis\r\nLine QUALITY................ 038\r\n\
                  Rx LEVEL.................... 015\r\nHighest Rx State............ 67\r\n\
                  EQM Sum..................... 00B4\r\nLocal Rtrn Count............ 01\r\nRemote Rtrn Count........... 00\r\n\
                  Flex 9481814347C4\r\nOK\r\n";
    let wanted = CallReport {
        transmit: rates(None, Some(26400), Some(26400)),
        receive: rates(None, Some(49333), Some(49333)),
        error_correction: text("LAPM"),
        compression: text("V42Bis"),
        retrains_asked: Some(1),
        retrains_granted: Some(0),
        noise: Some(38),
        receive_level: Some(15),
        reason: text("LOCAL REQUEST"),
        ..CallReport::default()
    };
    assert_eq!(read(sample), wanted);
    // Westermo writes the same rates in groups.
    assert_eq!(
        read(&sample.replace("26400 BPS", "26 400 BIT/S").replace("49333 BPS", "49 333 BIT/S")),
        wanted
    );
}

#[test]
fn lucent_i11() {
    let report = read(
        "Description                                Status\r\n---------------                            ------------\r\n\
         1  Last Connection                         V.90\r\n2  Initial Transmit Carrier Rate           28800\r\n\
         3  Initial Receive  Carrier Rate           49333\r\n4  Final   Transmit Carrier Rate           26400\r\n\
         5  Final   Receive  Carrier Rate           48000\r\n6  Protocol Negotiation Result             LAPM\r\n\
         7  Data Compression Result V42bis\r\n8  Estimated Noise Level                   152\r\n\
         9  Receive Signal Power Level (-dBm) 25\r\n10 Transmit Signal Power Level (-dBm) 16\r\n\
         11 Round Trip Delay (msec) 4\r\nPress any key to continue; ESC to quit.\r\n\
         12 Near Echo Level (-dBm) NA\r\n14 Transmit Frame Count 3\r\n15 Transmit Frame Error Count 1\r\n\
         16 Receive Frame Count 7\r\n17 Receive Frame Error Count 2\r\n18 Retrain by Local Modem 0\r\n\
         19 Retrain by Remote Modem 5\r\n20 Call Termination Cause 0\r\n21 Robbed-Bit Signaling 00\r\n\
         22 Digital Loss (dB) 6\r\n23 Remote Server ID 4342C3\r\nOK\r\n",
    );
    let wanted = CallReport {
        modulation: text("V.90"),
        transmit: rates(Some(28800), None, Some(26400)),
        receive: rates(Some(49333), None, Some(48000)),
        error_correction: text("LAPM"),
        compression: text("V42bis"),
        retrains_asked: Some(0),
        retrains_granted: Some(5),
        blocks_sent: Some(3),
        blocks_resent: Some(1),
        block_errors: Some(2),
        noise: Some(152),
        receive_level: Some(25),
        reason: text("us"),
        ..CallReport::default()
    };
    assert_eq!(report, wanted);
}

#[test]
fn zyxel_i2() {
    let report = read(
        "ZyXEL U-MODEM LINK STATUS REPORT\r\nChars Sent              2420    Chars Received          2420\r\n\
         Blocks Sent               13    Blocks Received           13\r\nBlocks Resent              0    Max Outstanding            8\r\n\
         Max Block Size           256    Retrain Requested          2\r\nLink Duration              1    Retrain Granted            1\r\n\
         T401 Timeouts              0    T402 Timeouts              0\r\nFCS Errors                 6    Round Trip Delay         110\r\n\
         Last Speed/Protocol     Connect 14400/ARQ/V42b\r\nDisconnect Reason       Local Hang Up\r\n",
    );
    let wanted = CallReport {
        transmit: rates(None, None, Some(14400)),
        receive: rates(None, None, Some(14400)),
        error_correction: text("ARQ"),
        compression: text("V42B"),
        retrains_asked: Some(2),
        retrains_granted: Some(1),
        blocks_sent: Some(13),
        blocks_resent: Some(0),
        block_errors: Some(6),
        reason: text("Local Hang Up"),
        ..CallReport::default()
    };
    assert_eq!(report, wanted);
}

#[test]
fn ud_after_v58() {
    let report = read(
        "DIAG <2A4D3263 0=09>\r\nDIAG <2A4D3263 1=06 2=0 3=0>\r\nDIAG <2A4D3263 5=\"C14513902A\" 6=\"A145\">\r\n\
         DIAG <2A4D3263 10=1F 11=0C 12=52>\r\nDIAG <2A4D3263 20=C 22=780 24=0C80 26=79E0>\r\n\
         DIAG <2A4D3263 21=D 25=1F40 27=DAC0>\r\nDIAG <2A4D3263 30=00 31=03 32=01 33=01>\r\n\
         DIAG <2A4D3263 34=7080 35=CB20>\r\nDIAG <2A4D3263 40=1 41=100>\r\nDIAG <2A4D3263 44=1 45=400>\r\n\
         DIAG <2A4D3263 52=343CC 54=0>\r\nDIAG <2A4D3263 53=7230E6 55=47>\r\nDIAG <2A4D3263 56=29D 58=0001>\r\n\
         DIAG <2A4D3263 60=51>\r\nOK\r\n",
    );
    let wanted = CallReport {
        modulation: text("V34"),
        transmit: rates(Some(31200), None, Some(28800)),
        receive: rates(Some(56000), None, Some(52000)),
        error_correction: text("LAPM"),
        compression: text("V42BIS"),
        retrains_asked: Some(1),
        retrains_granted: Some(1),
        renegotiations: Some(3),
        blocks_sent: Some(669),
        blocks_resent: Some(1),
        characters_lost: Some(71),
        receive_level: Some(31),
        reason: text("our hang-up command"),
        ..CallReport::default()
    };
    assert_eq!(report, wanted);
}

#[test]
fn v250_reports() {
    let report = read("\r\n+MCR: V90\r\n+MRR: 28800, 48000\r\n+ER: LAPM\r\n+DR: V42B\r\n");
    assert_eq!(report.modulation, text("V90"));
    assert_eq!((report.transmit.first, report.receive.first), (Some(28800), Some(48000)));
    assert_eq!((report.error_correction, report.compression), (text("LAPM"), text("V42B")));
}

#[test]
fn what_is_not_known_is_passed_over() {
    for line in
        ["", "OK", "ERROR", "login: ", "The speed of 9600", "DIAG <2A4D3263", "DIAG <2A4D3263 20=XYZ 99=1>"]
    {
        assert!(read(line).is_empty(), "{line}");
    }
    assert!(read(&"x".repeat(20_000)).is_empty());
    assert_eq!(
        read(&format!("Disconnect Reason is {}", "y".repeat(500))).reason.unwrap_or_default().len(),
        60
    );
}

proptest! {
    #[test]
    fn any_answer_is_read_without_harm(answer in proptest::collection::vec(any::<u8>(), 0..400)) {
        CallReport::read(&answer).to_string();
    }

    #[test]
    fn what_is_told_is_printable_and_short(
        lines in proptest::collection::vec("(Protocol|Speed|Disconnect Reason|DIAG <2A4D3263 60=|LAST TX rate)[ -~]{0,90}", 0..12),
    ) {
        let told = read(&lines.join("\r\n")).to_string();
        prop_assert!(told.chars().all(|c| c == ' ' || c.is_ascii_graphic()));
        prop_assert!(told.len() < 1000);
    }
}
