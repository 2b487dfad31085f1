//! An authority that certifies the sites of a test.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    own: String,
}

impl Authority {
    pub fn new() -> Authority {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        // OpenSSL takes a certificate whose subject is its issuer for one that signed itself.
        params.distinguished_name.push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let own = params.self_signed(&key).expect("a certificate").pem();
        Authority { issuer: Issuer::new(params, key), own }
    }

    /// Puts into a folder `site.pem` and `site.key` for this DNS name, and `ca.pem`, by which others are judged.
    pub fn certify(&self, folder: &Path, name: &str) {
        fs::create_dir_all(folder).expect("a folder");
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a DNS name");
        params.distinguished_name.push(DnType::CommonName, "site");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        fs::write(folder.join("site.pem"), certificate.pem()).expect("a certificate");
        fs::write(folder.join("site.key"), key.serialize_pem()).expect("a key");
        fs::set_permissions(folder.join("site.key"), fs::Permissions::from_mode(0o600)).expect("its mode");
        fs::write(folder.join("ca.pem"), &self.own).expect("the certificate of the authority");
    }
}
