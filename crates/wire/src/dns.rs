//! SRV records: where a service of a domain is (RFC 2782). Addresses of hosts are the system's resolver's business.

use std::io;
use std::time::Duration;

use domain::base::iana::{Class, Rcode, Rtype};
use domain::base::name::Name;
use domain::base::{Message, ParsedName, Question};
use domain::rdata::Srv;
use domain::resolv::StubResolver;
use tokio::time::timeout;

/// Longest wait for all name servers of resolv.conf together.
const ANSWER: Duration = Duration::from_secs(10);

/// One place where a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SrvRecord {
    /// The lowest is used while it can be reached.
    pub priority: u16,
    /// Share among those of one priority.
    pub weight: u16,
    /// Where it listens.
    pub port: u16,
    /// A host's name, without the last dot.
    pub target: String,
    /// How long the record may be kept.
    pub ttl: Duration,
}

/// Why nothing is known of a service.
#[derive(Debug, thiserror::Error)]
pub enum DnsFault {
    /// Not a name that DNS could know.
    #[error("'{0}' is not a name")]
    Name(String),
    /// Of all name servers, none answered in time.
    #[error("no name server answered within {} seconds", ANSWER.as_secs())]
    Silent,
    /// None could be reached.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The name server could not tell (SERVFAIL, REFUSED …).
    #[error("the name server says {0}")]
    Refused(String),
    /// Cut off, or not what RFC 1035 says.
    #[error("the name server's answer is damaged")]
    Damaged,
}

/// The SRV records of `name` (`_service._tcp.domain`), as the name servers of /etc/resolv.conf know them; empty when
/// there are none. Must be called inside a Tokio runtime.
pub async fn srv(name: &str) -> Result<Vec<SrvRecord>, DnsFault> {
    let owner: Name<Vec<u8>> = name.parse().map_err(|_| DnsFault::Name(name.to_owned()))?;
    let resolver = StubResolver::new();
    let question = Question::new(owner, Rtype::SRV, Class::IN);
    let answer = timeout(ANSWER, resolver.query(question)).await.map_err(|_| DnsFault::Silent)??;
    records(answer.as_ref())
}

/// The records in an answer. A target of "." says that there is no such service.
fn records<Octets: AsRef<[u8]>>(answer: &Message<Octets>) -> Result<Vec<SrvRecord>, DnsFault> {
    match answer.header().rcode() {
        Rcode::NOERROR => {}
        Rcode::NXDOMAIN => return Ok(Vec::new()),
        other => return Err(DnsFault::Refused(other.to_string())),
    }
    let message = answer.for_slice_ref();
    let section = message.answer().map_err(|_| DnsFault::Damaged)?;
    let mut found = Vec::new();
    for record in section.limit_to::<Srv<ParsedName<&[u8]>>>() {
        let record = record.map_err(|_| DnsFault::Damaged)?;
        let data = record.data();
        if data.target().is_root() {
            continue;
        }
        found.push(SrvRecord {
            priority: data.priority(),
            weight: data.weight(),
            port: data.port(),
            target: data.target().to_string().trim_end_matches('.').to_owned(),
            ttl: Duration::from_secs(u64::from(record.ttl().as_secs())),
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::base::{MessageBuilder, Ttl};

    fn answer(rcode: Rcode, targets: &[(u16, &str)]) -> Vec<u8> {
        let owner: Name<Vec<u8>> = "_x-puppet._tcp.example.com".parse().unwrap();
        let mut question = MessageBuilder::new_vec().question();
        question.push((&owner, Rtype::SRV)).unwrap();
        let mut answer = question.answer();
        answer.header_mut().set_rcode(rcode);
        for (priority, target) in targets {
            let target: Name<Vec<u8>> = target.parse().unwrap();
            answer
                .push((&owner, Class::IN, Ttl::from_secs(60), Srv::new(*priority, 5, 8140, target)))
                .unwrap();
        }
        answer.finish()
    }

    fn read(bytes: Vec<u8>) -> Result<Vec<SrvRecord>, DnsFault> {
        records(&Message::from_octets(bytes).map_err(|_| DnsFault::Damaged)?)
    }

    #[test]
    fn records_are_read_and_a_target_of_nothing_is_none() {
        let found = read(answer(Rcode::NOERROR, &[(10, "fe.example.com."), (0, ".")])).unwrap();
        let target = "fe.example.com".to_owned();
        let ttl = Duration::from_secs(60);
        assert_eq!(found, [SrvRecord { priority: 10, weight: 5, port: 8140, target, ttl }]);
    }

    #[test]
    fn no_such_name_is_no_fault_and_a_failing_server_is() {
        assert_eq!(read(answer(Rcode::NXDOMAIN, &[])).unwrap(), []);
        assert!(matches!(read(answer(Rcode::SERVFAIL, &[])), Err(DnsFault::Refused(_))));
    }

    #[test]
    fn an_answer_cut_off_anywhere_is_damaged_or_shorter() {
        let whole = answer(Rcode::NOERROR, &[(10, "fe.example.com."), (20, "fe2.example.com.")]);
        for end in 0..whole.len() {
            assert!(read(whole[..end].to_vec()).map_or(true, |found| found.len() < 2), "{end}");
        }
    }
}
