//! The frame that certificates, requests and revocation lists share: a signed part, an algorithm, a signature.

use std::ops::Range;

use crate::algorithm::{SignatureAlgorithm, UnknownAlgorithm};
use crate::asn1::{Malformed, Reader, tag, writer};
use crate::verify::{self, VerifyFault};

/// Octets with the places of the three parts in them.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    der: Vec<u8>,
    tbs: Range<usize>,
    algorithm: Range<usize>,
    signature: Range<usize>,
}

impl Signed {
    /// Takes the frame apart. What follows the outer SEQUENCE is cut off, as OpenSSL does.
    pub fn parse(bytes: &[u8]) -> Result<Signed, Malformed> {
        let outer = Reader::new(bytes).element(tag::SEQUENCE)?;
        let mut fields = Reader::new(outer.content);
        let tbs = fields.element(tag::SEQUENCE)?.raw.len();
        let algorithm = fields.element(tag::SEQUENCE)?.raw.len();
        let signature = fields.bit_string()?.len();
        fields.end()?;
        let start = outer.raw.len() - outer.content.len();
        let end = outer.raw.len();
        Ok(Signed {
            der: outer.raw.to_vec(),
            tbs: start..start + tbs,
            algorithm: start + tbs..start + tbs + algorithm,
            signature: end - signature..end,
        })
    }

    /// Puts a frame together.
    pub fn assemble(tbs: &[u8], algorithm: SignatureAlgorithm, signature: &[u8]) -> Vec<u8> {
        writer::sequence(&[tbs, algorithm.der(), &writer::bit_string(signature)])
    }

    pub fn der(&self) -> &[u8] {
        &self.der
    }

    pub fn tbs(&self) -> &[u8] {
        &self.der[self.tbs.clone()]
    }

    /// The encoded AlgorithmIdentifier outside of the signed part.
    pub fn algorithm_der(&self) -> &[u8] {
        &self.der[self.algorithm.clone()]
    }

    pub fn algorithm(&self) -> Result<SignatureAlgorithm, UnknownAlgorithm> {
        SignatureAlgorithm::from_der(self.algorithm_der())
    }

    pub fn signature(&self) -> &[u8] {
        &self.der[self.signature.clone()]
    }

    pub fn verify(&self, spki_der: &[u8]) -> Result<(), VerifyFault> {
        verify::verify_signature(spki_der, self.algorithm()?, self.tbs(), self.signature())
    }
}
