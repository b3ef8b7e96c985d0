#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use super::*;

fn filter(allowed: &[&str]) -> AddressFilter {
    AddressFilter::new(allowed.iter().map(|network| network.parse().unwrap()).collect())
}

#[test]
fn refuses_each_network_from_its_first_to_its_last_address_and_no_further() {
    let of_internet = filter(&[]);
    // The address before, the first, the last, and the address after; `-` is refused for another
    // reason or doesn't exist.
    for (before, first, last, after) in [
        ("-", "0.0.0.0", "0.255.255.255", "1.0.0.0"),
        ("9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"),
        ("100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"),
        ("126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"),
        ("169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0"),
        ("172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"),
        ("191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0"),
        ("192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"),
        ("192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0"),
        ("192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"),
        ("198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0"),
        ("198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0"),
        ("203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0"),
        ("223.255.255.255", "224.0.0.0", "239.255.255.255", "-"),
        ("-", "240.0.0.0", "255.255.255.255", "-"),
        ("-", "::", "::1", "-"),
        ("-", "64:ff9b::", "64:ff9b::ffff:ffff", "-"),
        ("-", "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "-"),
        ("-", "100::", "100::ffff:ffff:ffff:ffff", "-"),
        ("-", "2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", "-"),
        ("-", "2001:1::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"),
        ("2001:db7:ffff::", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"),
        ("2001:ffff::", "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"),
        ("3ffe:ffff::", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"),
        ("-", "5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "-"),
        ("-", "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "-"),
        ("-", "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "-"),
        ("-", "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "-"),
        ("-", "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "-"),
        ("-", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8"),
        ("-", "::127.0.0.1", "::10.0.0.1", "::8.8.8.8"),
    ] {
        for (address, expect) in [(before, true), (first, false), (last, false), (after, true)] {
            let Ok(address) = address.parse::<IpAddr>() else {
                assert_eq!(address, "-");
                continue;
            };
            assert_eq!(of_internet.permits(address), expect, "{address}");
        }
    }
}

#[test]
fn networks_of_the_settings_are_let_in_and_nothing_else() {
    let some = filter(&["127.0.0.0/8", "fd00::/8", "192.168.7.9"]);
    for (address, expect) in [
        ("127.0.0.1", true),
        ("127.255.0.1", true),
        ("::ffff:127.0.0.1", true),
        ("::1", false),
        ("fd12::1", true),
        ("fc00::1", false),
        ("192.168.7.9", true),
        ("192.168.7.8", false),
        ("8.8.8.8", true),
        // The address of a translator isn't the address behind it.
        ("64:ff9b::7f00:1", false),
        ("2002:7f00:1::", false),
    ] {
        assert_eq!(some.permits(address.parse().unwrap()), expect, "{address}");
    }
}

#[test]
fn a_url_is_read_strictly_and_its_odd_addresses_are_addresses() {
    use AddressRefused::{ClearText, Network, Scheme, UserInfo};
    for (url, expect) in [
        ("https://hooks.example/in", Ok("hooks.example /in")),
        ("HTTPS://Hooks.Example:443/in?a=b", Ok("hooks.example /in?a=b")),
        ("https://hooks.example.", Ok("hooks.example /")),
        ("https://hooks.example:8443?x", Ok("hooks.example:8443 /?x")),
        ("https://8.8.8.8/", Ok("8.8.8.8 /")),
        ("https://[2606:4700::1]:1/", Ok("[2606:4700::1]:1 /")),
        ("https://localhost/", Ok("localhost /")),
        // A name of digits and letters is a name.
        ("https://1e100.example/", Ok("1e100.example /")),
        ("https://127.0.0.1/", Err(Some(Network))),
        ("https://2130706433/", Err(Some(Network))),
        ("https://0x7f000001/", Err(Some(Network))),
        ("https://0X7F.1/", Err(Some(Network))),
        ("https://0177.0.0.01/", Err(Some(Network))),
        ("https://017700000001/", Err(Some(Network))),
        ("https://127.1/", Err(Some(Network))),
        ("https://127.0.1/", Err(Some(Network))),
        ("https://127.0.0.1./", Err(Some(Network))),
        ("https://0/", Err(Some(Network))),
        ("https://0x/", Err(Some(Network))),
        ("https://169.254.169.254/latest", Err(Some(Network))),
        ("https://0xa9fea9fe/", Err(Some(Network))),
        ("https://[::1]/", Err(Some(Network))),
        ("https://[::ffff:7f00:1]/", Err(Some(Network))),
        ("https://[0:0:0:0:0:ffff:127.0.0.1]/", Err(Some(Network))),
        ("https://[64:ff9b::7f00:1]/", Err(Some(Network))),
        ("http://hooks.example/", Err(Some(ClearText))),
        ("ftp://hooks.example/", Err(Some(Scheme("https", "http")))),
        ("file:///etc/passwd", Err(Some(Scheme("https", "http")))),
        ("https://user@hooks.example/", Err(Some(UserInfo))),
        ("https://user:pass@hooks.example/", Err(Some(UserInfo))),
        ("https://8.8.8.8@127.0.0.1/", Err(Some(UserInfo))),
        ("hooks.example/in", Err(None)),
        ("https:hooks.example", Err(None)),
        ("https://", Err(None)),
        ("https:///in", Err(None)),
        ("https://a..b/", Err(None)),
        ("https://a/#fragment", Err(None)),
        ("https://a b/", Err(None)),
        ("https://a\\@127.0.0.1/", Err(None)),
        ("https://127.0.0.1\t/", Err(None)),
        ("https://%31%32%37.0.0.1/", Err(None)),
        ("https://１２７.0.0.1/", Err(None)),
        ("https://a:0/", Err(None)),
        ("https://a:65536/", Err(None)),
        ("https://a:+1/", Err(None)),
        ("https://a:/", Err(None)),
        ("https://[fe80::1%25eth0]/", Err(None)),
        ("https://[::1/", Err(None)),
        ("https://[::1]x/", Err(None)),
        ("https://256.1.1.1/", Err(None)),
        ("https://1.2.3.4.5/", Err(None)),
        ("https://09.1.1.1/", Err(None)),
        ("https://4294967296/", Err(None)),
        ("https://1.2.65536/", Err(None)),
    ] {
        match (filter(&[]).check_url(url), expect) {
            (Ok(found), Ok(expect)) => {
                assert_eq!(format!("{} {}", found.authority(), found.path), expect, "{url}");
            }
            (Err(found), Err(Some(expect))) => assert_eq!(found, expect, "{url}"),
            (Err(AddressRefused::Form(_)), Err(None)) => {}
            (found, expect) => panic!("{url}: {found:?} instead of {expect:?}"),
        }
    }
}

#[test]
fn clear_text_is_only_for_addresses_that_the_settings_allow() {
    let some = filter(&["127.0.0.0/8"]);
    assert!(some.check_url("http://127.0.0.1:9000/in").is_ok());
    assert_eq!(some.check_url("http://8.8.8.8/"), Err(AddressRefused::ClearText));
    let named = some.check_url("http://hooks.example/").unwrap();
    let check = |address: &str| some.check(&named, address.parse().unwrap());
    assert_eq!(check("127.0.0.1"), Ok(()));
    assert_eq!(check("8.8.8.8"), Err(AddressRefused::ClearText));
    assert_eq!(check("10.0.0.1"), Err(AddressRefused::Network));
}

#[test]
fn a_network_is_written_with_its_first_address() {
    for (text, expect) in [
        ("127.0.0.0/8", Ok("127.0.0.0/8")),
        (" 10.1.2.3 ", Ok("10.1.2.3/32")),
        ("0.0.0.0/0", Ok("0.0.0.0/0")),
        ("fd00::/8", Ok("fd00::/8")),
        ("::1", Ok("::1/128")),
        ("127.0.0.1/8", Err("the network begins at 127.0.0.0")),
        ("10.0.0.0/33", Err("an address has only 32 bits")),
        ("10.0.0.0/", Err("it has no number of bits behind the slash")),
        ("localhost", Err("it has no address such as 10.0.0.0 or fd00:: before the slash")),
    ] {
        let found = text.parse::<Network>().map(|network| network.to_string());
        let found = found.map_err(|error| error.to_string());
        assert_eq!(found.as_deref().map_err(String::as_str), expect, "{text}");
    }
}

#[test]
fn the_url_of_a_cluster_names_brokers_and_each_is_checked() {
    use AddressRefused::{ClearText, Form, Network, Scheme, UserInfo};
    let path = || Form("it has a path");
    for (url, expect) in [
        ("kafkas://a.example", Ok("a.example 9093 true")),
        ("KAFKAS://a.example:1,B.example/", Ok("a.example 1 true, b.example 9093 true")),
        ("kafka://127.0.0.1,localhost:7", Ok("127.0.0.1 9092 false, localhost 7 false")),
        ("kafkas://[2606:4700::1]:1,8.8.8.8", Ok("[2606:4700::1] 1 true, 8.8.8.8 9093 true")),
        ("kafkas://a.example,10.0.0.1", Err(Some(Network))),
        ("kafkas://0xa000001", Err(Some(Network))),
        ("https://a.example", Err(Some(Scheme("kafkas", "kafka")))),
        ("kafkas://a.example,me@b.example", Err(Some(UserInfo))),
        ("kafkas://a.example/topic", Err(Some(path()))),
        ("kafkas://a.example/topic,b.example", Err(Some(path()))),
        ("kafkas://a.example,,b.example", Err(None)),
        ("kafkas://a.example,", Err(None)),
        ("kafkas://", Err(None)),
        ("a.example:9092", Err(None)),
    ] {
        match (filter(&["127.0.0.0/8"]).check_kafka_url(url), expect) {
            (Ok(found), Ok(expect)) => {
                let found: Vec<String> = found
                    .iter()
                    .map(|one| format!("{} {} {}", one.host, one.port, one.is_encrypted))
                    .collect();
                assert_eq!(found.join(", "), expect, "{url}");
            }
            (Err(_), Err(None)) => {}
            (Err(found), Err(Some(expect))) => assert_eq!(found, expect, "{url}"),
            (found, _) => panic!("{url}: {found:?}"),
        }
    }
    let many = format!("kafkas://{}", ["a"; 17].join(","));
    assert!(filter(&[]).check_kafka_url(&many).is_err());
    assert_eq!(filter(&[]).check_kafka_url("kafka://a.example"), Err(ClearText));
}

#[test]
fn a_server_that_another_one_names_is_checked_like_one_in_a_url() {
    use AddressRefused::{ClearText, Network};
    for (host, port, is_encrypted, expect) in [
        ("b1.example", 9093, true, Ok("b1.example")),
        ("8.8.8.8", 9093, true, Ok("8.8.8.8")),
        ("2606:4700::1", 9093, true, Ok("[2606:4700::1]")),
        ("127.0.0.1", 9092, false, Ok("127.0.0.1")),
        ("10.0.0.1", 9093, true, Err(Some(Network))),
        ("0xa9fea9fe", 9093, true, Err(Some(Network))),
        ("::ffff:169.254.169.254", 9093, true, Err(Some(Network))),
        ("::1", 9093, true, Err(Some(Network))),
        ("8.8.8.8", 9092, false, Err(Some(ClearText))),
        ("b1.example", 0, true, Err(None)),
        ("b1.example", 65_536, true, Err(None)),
        ("b1.example", -1, true, Err(None)),
        ("b1.example/x", 1, true, Err(None)),
        ("me@b1.example", 1, true, Err(None)),
        ("", 1, true, Err(None)),
    ] {
        match (filter(&["127.0.0.0/8"]).check_host(host, port, is_encrypted), expect) {
            (Ok(found), Ok(expect)) => assert_eq!(found.host.to_string(), expect),
            (Err(_), Err(None)) => {}
            (Err(found), Err(Some(expect))) => assert_eq!(found, expect, "{host}"),
            (found, _) => panic!("{host}: {found:?}"),
        }
    }
}
