//! Tests: known values as programs write them, as numbers, as escapes, and in pieces.

use rstest::rstest;

use super::*;

/// A token like those of Kubernetes: 600 letters, no two pieces alike.
fn token() -> String {
    let mut state = 11_u64;
    let letters = (0..560).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[(state >> 58) as usize])
    });
    format!("eyJhbGciOiJSUzI1NiIsImtpZCI6IkEifQ.{}", letters.collect::<String>())
}

const VALUES: [&str; 2] = ["Kx7-winter9", "db/Pa55word+of-ann!3"];

/// Lines of so many bytes each, with an address as `address` writes it.
fn dump(bytes: &[u8], width: usize, address: fn(usize) -> String, cells: fn(&[u8]) -> String) -> String {
    let lines =
        bytes.chunks(width).enumerate().map(|(line, part)| format!("{}{}\n", address(width * line), cells(part)));
    lines.collect()
}

fn each(bytes: &[u8], between: &str, cell: impl Fn(u8) -> String) -> String {
    bytes.iter().map(|byte| cell(*byte)).collect::<Vec<_>>().join(between)
}

fn cells_in_words(bytes: &[u8], size: usize, cell: fn(u64) -> String) -> String {
    let word = |part: &[u8]| cell(part.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)));
    bytes.chunks(size).map(|part| format!(" {}", word(part))).collect()
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\n', ".")
}

fn none(_: usize) -> String {
    String::new()
}

fn octal(at: usize) -> String {
    format!("{at:07o}")
}

type Writer = fn(&[u8]) -> String;

#[rstest]
#[case::decimal(|b: &[u8]| each(b, " ", |b| b.to_string()))]
#[case::decimal_list(|b: &[u8]| format!("[{}]", each(b, ", ", |b| b.to_string())))]
#[case::decimal_tight(|b: &[u8]| each(b, ",", |b| b.to_string()))]
#[case::decimal_lines(|b: &[u8]| each(b, "\n", |b| b.to_string()))]
#[case::decimal_od(|b: &[u8]| dump(b, 16, octal, |b| format!(" {}", each(b, " ", |b| format!("{b:>3}")))))]
#[case::octal(|b: &[u8]| each(b, " ", |b| format!("{b:03o}")))]
#[case::od_b(|b: &[u8]| dump(b, 16, octal, |b| format!(" {}", each(b, " ", |b| format!("{b:03o}")))))]
#[case::od(|b: &[u8]| dump(b, 16, octal, |b| cells_in_words(b, 2, |w| format!("{w:06o}"))))]
#[case::od_x(|b: &[u8]| dump(b, 16, octal, |b| cells_in_words(b, 2, |w| format!("{w:04x}"))))]
#[case::od_an_x(|b: &[u8]| dump(b, 16, none, |b| cells_in_words(b, 2, |w| format!("{w:04x}"))))]
#[case::od_d(|b: &[u8]| dump(b, 16, octal, |b| cells_in_words(b, 2, |w| format!("{w:>5}"))))]
#[case::od_x4(|b: &[u8]| dump(b, 16, octal, |b| cells_in_words(b, 4, |w| format!("{w:08x}"))))]
#[case::od_x8(|b: &[u8]| dump(b, 16, octal, |b| cells_in_words(b, 8, |w| format!("{w:016x}"))))]
#[case::od_u4(|b: &[u8]| dump(b, 16, octal, |b| cells_in_words(b, 4, |w| format!("{w:>10}"))))]
#[case::od_x1(|b: &[u8]| dump(b, 16, octal, |b| format!(" {}", each(b, " ", |b| format!("{b:02x}")))))]
#[case::hexdump(|b: &[u8]| dump(b, 16, |at| format!("{at:07x}"), |b| cells_in_words(b, 2, |w| format!("{w:04x}"))))]
#[case::hexdump_c(|b: &[u8]| dump(b, 16, |at| format!("{at:08x}  "), |b| {
    format!("{:<49} |{}|", each(b, " ", |b| format!("{b:02x}")), shown(b))
}))]
#[case::xxd(|b: &[u8]| dump(b, 16, |at| format!("{at:08x}:"), |b| {
    let cells: String = b.chunks(2).map(|pair| format!(" {}", each(pair, "", |b| format!("{b:02x}")))).collect();
    format!("{cells:<41}  {}", shown(b))
}))]
#[case::xxd_narrow(|b: &[u8]| dump(b, 6, |at| format!("{at:08x}:"), |b| {
    b.chunks(2).map(|pair| format!(" {}", each(pair, "", |b| format!("{b:02x}")))).collect()
}))]
#[case::xxd_binary(|b: &[u8]| dump(b, 6, |at| format!("{at:08x}: "), |b| each(b, " ", |b| format!("{b:08b}"))))]
#[case::colons(|b: &[u8]| each(b, ":", |b| format!("{b:02X}")))]
#[case::c(|b: &[u8]| each(b, ", ", |b| format!("0x{b:02x}")))]
#[case::utf_16(|b: &[u8]| each(b, " ", |b| format!("00{b:02x}")))]
#[case::percent(|b: &[u8]| each(b, "", |b| format!("%{b:02x}")))]
#[case::percent_twice(|b: &[u8]| each(b, "", |b| format!("%25{b:02x}")))]
#[case::quoted_printable(|b: &[u8]| each(b, "", |b| format!("={b:02X}")))]
#[case::backslash_x(|b: &[u8]| each(b, "", |b| format!("\\x{b:02x}")))]
#[case::backslash_x_in_json(|b: &[u8]| each(b, "", |b| format!("\\\\x{b:02x}")))]
#[case::backslash_u(|b: &[u8]| each(b, "", |b| format!("\\u{b:04x}")))]
#[case::backslash_u_braces(|b: &[u8]| each(b, "", |b| format!("\\u{{{b:x}}}")))]
#[case::entity(|b: &[u8]| each(b, "", |b| format!("&#{b};")))]
#[case::entity_hex(|b: &[u8]| each(b, "", |b| format!("&#x{b:x};")))]
#[case::entity_twice(|b: &[u8]| each(b, "", |b| format!("&amp;#{b};")))]
#[case::backslash_octal(|b: &[u8]| each(b, "", |b| format!("\\{b:03o}")))]
#[case::backslash_octal_zero(|b: &[u8]| each(b, "", |b| format!("\\0{b:03o}")))]
#[case::every_third(|b: &[u8]| b.chunks(3).map(|p| format!("%{:02X}{}", p[0], String::from_utf8_lossy(&p[1..]))).collect())]
#[case::letters_commas(|b: &[u8]| each(b, ",", |b| char::from(b).to_string()))]
#[case::letters_bars(|b: &[u8]| each(b, " | ", |b| char::from(b).to_string()))]
#[case::letters_quoted(|b: &[u8]| format!("['{}']", each(b, "', '", |b| char::from(b).to_string())))]
fn a_known_value_goes_however_its_bytes_are_written(#[case] write: Writer) {
    let token = token();
    register(&token);
    VALUES.iter().for_each(|value| register_value("key", value.as_bytes()));
    for secret in [token.as_str(), VALUES[0], VALUES[1]] {
        let text = write(secret.as_bytes());
        let shown = redact(&format!("it says:\n{text}\nand ends.\n")).into_owned();
        let rest = shown.replace(TOKEN, "").replace(VALUE, "");
        assert!(rest.starts_with("it says:\n") && rest.ends_with("\nand ends.\n"), "{text}{shown}");
        assert!(rest.split_whitespace().map(str::len).sum::<usize>() < 40, "{text}\n{shown}");
        assert!(shown.contains("«redacted "), "{shown}");
    }
    // Another text that is written so stays.
    let ordinary = "The quick brown fox jumps over the lazy dog, and Pods run on nodes.\n".repeat(4);
    let text = write(ordinary.as_bytes());
    assert_eq!(redact(&text), text);
}

/// What of a value is an escape depends on the program that writes it; the letters between stay as they are.
#[rstest]
#[case::html(|t: &str| t.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;"))]
#[case::html_of_go(|t: &str| t.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&#34;").replace('\'', "&#39;"))]
#[case::html_only_text(|t: &str| t.replace('&', "&amp;").replace('<', "&lt;"))]
#[case::html_hex(|t: &str| t.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&#x22;").replace('\'', "&#x27;"))]
#[case::xml(|t: &str| t.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&apos;"))]
#[case::shell(|t: &str| format!("'{}'", t.replace('\'', "'\\''")))]
#[case::shell_by_quotes(|t: &str| format!("'{}'", t.replace('\'', "'\"'\"'")))]
#[case::shell_in_quotes(|t: &str| format!("\"{}\"", t.replace('"', "\\\"").replace('$', "\\$").replace('`', "\\`")))]
#[case::yaml(|t: &str| format!("'{}'", t.replace('\'', "''")))]
#[case::json_of_go(|t: &str| t.replace('"', "\\\"").replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e"))]
#[case::json_twice(|t: &str| t.replace('"', "\\\\\\\""))]
#[case::of_a_query(|t: &str| t.replace('=', "%3d").replace('/', "%2f").replace('+', "%2b").replace('&', "%26"))]
#[case::of_a_path(|t: &str| t.replace('/', "%2F").replace('"', "%22").replace('<', "%3C").replace('>', "%3E"))]
fn a_value_with_few_escapes_goes(#[case] write: fn(&str) -> String) {
    const VALUE_OF_ALL: &str = "Zq7=vT/9+ue\"x&Kp<4>it's$5`";
    register_value("key", VALUE_OF_ALL.as_bytes());
    let text = format!("it says {} and ends.", write(VALUE_OF_ALL));
    let shown = redact(&text).into_owned();
    assert!(shown.contains(VALUE) && shown.len() < 60, "{text}\n{shown}");
    let ordinary = format!("it says {} and ends.", write("\"a\" & <b> it's 5/6 + $x = `y`"));
    assert_eq!(redact(&ordinary), ordinary);
}

#[rstest]
#[case(12, "\n     7\t")]
#[case(8, "\nlog: ")]
#[case(8, "\n+ ")]
#[case(9, "' +\n  '")]
#[case(10, "\u{1b}[0m\u{1b}[31;1m")]
#[case(12, "\n2026-11-29T17:27:47Z ")]
#[case(8, " | ")]
#[case(8, "\\n\", \"")]
fn a_known_token_goes_in_pieces(#[case] width: usize, #[case] between: &str) {
    let token = token();
    register(&token);
    for whole in [token.clone(), base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &token)] {
        let pieces: Vec<_> = whole.as_bytes().chunks(width).map(String::from_utf8_lossy).collect();
        let shown = redact(&format!("it says {} and ends.", pieces.join(between))).into_owned();
        let rest = shown.replace(TOKEN, "");
        assert!(rest.starts_with("it says ") && rest.ends_with(" and ends."), "{shown}");
        assert!(rest.len() < 60, "{shown}");
    }
    // What any token begins with is no piece of one.
    for text in ["eyJhbGci", "eyJhbGci and so on OiJSUzI1NiIsIm", "kid: eyJhbGciO"] {
        let text = text.replace("OiJSUzI1NiIsIm", "other text");
        assert_eq!(redact(&text), text);
    }
}

#[rstest]
#[case("uid: 3c9f2a1e-5d6b-4f7a-9c8d-0e1f2a3b4c5d\nuid: 4c9f2a1e-5d6b-4f7a-9c8d-0e1f2a3b4c5e\n")]
#[case("sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae")]
#[case("10.96.0.1,10.96.0.10,192.168.101.121,74.104.98.71\nfe80::1:2:3:4 de:ad:be:ef:00:01")]
#[case(
    "Modulus:\n    00:b5:2a:7f:68:71:3c:5e:43:98:11:4a:77:4d:62:63:\n    45:6e:21:0c:99:5d:41:55:2b:3a:61:63:64:65:66:67\n"
)]
#[case("2026-11-29T17:27:47.123Z 101 121 74 104 pods 200 OK 65 ms\n2026-11-29T17:27:48.123Z 98 71 99 105 pods\n")]
#[case("https://a/b?x=%7B%22a%22%3A%22b%22%7D&y=%2Fvar%2Frun%2Fsecrets&z=\\u003cb\\u003e\\x41\\x42\\x43\\x44")]
#[case("drwxr-xr-x 1 0 0 4096 145 171 112 150\n| a | b | c | d | e | f | g | h | i |\n1,2,3,4,5,6,7,8,9,0\n")]
fn ordinary_numbers_and_escapes_stay(#[case] text: &str) {
    register(&token());
    VALUES.iter().for_each(|value| register_value("key", value.as_bytes()));
    assert_eq!(redact(text), text);
}

#[test]
fn much_that_is_nearly_a_known_value_takes_little_time() {
    let token = token();
    register(&token);
    let half: String = token.as_bytes()[80..].chunks(8).step_by(2).map(String::from_utf8_lossy).collect();
    let texts = ["101 ", "\\x41", "a,", "0000020 ", "&#", "\\\\\\\\", "41:", "%2525", &token[80..88], &half];
    for text in texts {
        let much = text.repeat((1 << 18) / text.len());
        // Quadratic work takes minutes.
        let begun = std::time::Instant::now();
        let _ = redact(&much);
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{:?} for {text}…", begun.elapsed());
    }
}
