//! Parameters of a query string or an `application/x-www-form-urlencoded` body; a name may come several times.

use percent_encoding::percent_decode_str;

/// The parameters, in their order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Parses `a=b&c=d`. Bytes that are not UTF-8 become U+FFFD: no parameter of Puppet's holds any.
    pub fn parse(text: &str) -> Parameters {
        let decode =
            |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Parameters(pairs.collect())
    }

    /// The first value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// All values of `name`.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect()
    }

    /// These parameters, and where one is missing, those of `other`.
    pub fn or(mut self, other: Parameters) -> Parameters {
        self.0.extend(other.0);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_agent_sends() {
        let parameters = Parameters::parse("recurse=true&ignore=.svn&ignore=CVS&facts=%257B&empty=&x");
        assert_eq!(parameters.get("recurse"), Some("true"));
        assert_eq!(parameters.all("ignore"), [".svn", "CVS"]);
        assert_eq!(parameters.get("facts"), Some("%7B"));
        assert_eq!(parameters.get("empty"), Some(""));
        assert_eq!(parameters.get("x"), Some(""));
        assert_eq!(parameters.get("y"), None);
    }
}
