use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use rstest::rstest;

use super::*;

fn told(files: &[(&str, &[u8])]) -> Result<(), String> {
    let files = files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
    check(&files, "charts/app", Path::new("charts/app")).map_err(|failed| match failed {
        Failed::Text(_, found) => {
            let source = found[0].file.as_ref().expect("a file");
            let (line, col) = crate::scenario::diagnostic::line_col(source, found[0].span.expect("a place").start);
            format!("{}:{line}:{col}: {}", source.path.display(), found[0].message)
        }
        Failed::Named(_, message, _) => message,
        other => format!("{other:?}"),
    })
}

#[rstest]
#[case(r##"{"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"a": {"$ref": "#/$defs/a"}, "$ref": {"type": "string"}}}"##)]
#[case(r#"{"$schema": "https://json-schema.org/draft/2020-12/schema"}"#)]
fn a_schema_that_stays_in_itself(#[case] schema: &str) {
    assert_eq!(told(&[("charts/app/values.schema.json", schema.as_bytes())]), Ok(()));
}

#[rstest]
#[case("{\n  \"$ref\": \"file:///etc/passwd\"}", "2:11: the schema's `$ref` leads out of it: `file:///etc/passwd`")]
#[case(r#"{"a": [{"\u0024ref": "http://e.org/x"}]}"#, "1:22: the schema's `$ref` leads out of it: `http://e.org/x`")]
#[case(r#"{"$dynamicRef": "other.json"}"#, "1:17: the schema's `$dynamicRef` leads out of it: `other.json`")]
#[case(r#"{"$schema": "file:///etc/x"}"#, "1:13: the schema's `$schema` leads out of it: `file:///etc/x`")]
#[case(
    r#"{"$schema": "https://json-schema.org/draft/../../e/schema"}"#,
    "1:13: the schema's `$schema` leads out of it: `https://json-schema.org/draft/../../e/schema`"
)]
#[case("{\n\"a\": }", "2:6: this is no JSON: expected value at line 2 column 6")]
fn a_schema_that_leads_elsewhere(#[case] schema: &str, #[case] expected: &str) {
    for name in ["charts/app/values.schema.json", "charts/app/charts/sub/values.schema.json"] {
        assert_eq!(told(&[(name, schema.as_bytes())]), Err(format!("{name}:{expected}")));
    }
}

fn tar(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut header = vec![0; BLOCK];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    header[156] = kind;
    let mut all = [header, content.to_vec()].concat();
    all.resize(all.len().next_multiple_of(BLOCK), 0);
    all
}

fn packed_of(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(&entries.concat()).expect("packed");
    packer.write_all(&[0; 2 * BLOCK]).expect("packed");
    packer.finish().expect("packed")
}

#[test]
fn packed_charts_are_looked_into() {
    let name = "charts/app/charts/sub-1.0.0.tgz";
    let bad = tar("sub/values.schema.json", b'0', br#"{"$ref": "file:///etc/passwd"}"#);
    let good =
        [tar("sub", b'5', b""), tar("sub/Chart.yaml", b'0', b"name: sub"), tar("sub/values.schema.json", 0, b"{}")];
    assert_eq!(told(&[(name, &packed_of(&good))]), Ok(()));
    let expected =
        format!("{name}/sub/values.schema.json:1:10: the schema's `$ref` leads out of it: `file:///etc/passwd`");
    assert_eq!(told(&[(name, &packed_of(&[good[0].clone(), bad.clone()]))]), Err(expected.clone()));
    let inner = packed_of(std::slice::from_ref(&bad));
    let outer = packed_of(&[tar("sub/charts/in.tgz", b'0', &inner)]);
    assert!(told(&[(name, &outer)]).expect_err("refused").contains("in.tgz/sub/values.schema.json:1:10"));
    let hidden = packed_of(&[tar("pax", b'x', b"30 path=sub/values.schema.json\n"), tar("a", b'0', b"{}")]);
    assert!(told(&[(name, &hidden)]).expect_err("refused").contains("cannot be looked into"));
    assert!(told(&[(name, b"no archive")]).expect_err("refused").contains("cannot be looked into"));
}
