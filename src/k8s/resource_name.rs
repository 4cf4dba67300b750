//! How RBAC's rules and discovery name a resource and its subresource: `pods`, `pods/log`.

/// The resource, and its subresource, if it names one.
pub fn split(name: &str) -> (&str, Option<&str>) {
    name.split_once('/').map_or((name, None), |(plural, sub)| (plural, Some(sub)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subresource_stands_behind_the_first_slash() {
        assert_eq!(split("pods"), ("pods", None));
        assert_eq!(split("pods/log"), ("pods", Some("log")));
        assert_eq!(split("*/scale"), ("*", Some("scale")));
        assert_eq!(split("services/proxy/x"), ("services", Some("proxy/x")));
    }
}
