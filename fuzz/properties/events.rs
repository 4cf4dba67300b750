//! The event stream: every text is read or refused, and of what is read every report can be made, is well-formed, and says
//! the same as the others, now and later.

use kubewalk::{
    event::{Record, stream},
    report::{Terminal, Verbosity, github, html, json, junit},
};
use roxmltree::{Document, ParsingOptions};
use serde_json::Value;

use super::harmless;

pub fn holds(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let read = match stream::read(&text) {
        Ok(records) => records,
        Err(wrong) => {
            assert!(wrong.line >= 1 && wrong.col >= 1 && wrong.line <= text.lines().count().max(1), "{wrong:?}");
            return;
        }
    };
    // As `kubewalk report` does.
    let records: Vec<Record> = read.into_iter().map(|record| Record::new(record.at_ms, record.event)).collect();
    let document: Value = serde_json::from_str(&json::render(&records)).expect("a JSON document");
    page(&html::render(&records));
    suite(&junit::render(&records), &document);
    annotations(&github::annotations(&records));
    summary(&github::summary(&records, 0));
    let shown = terminal(&records);
    later(&records, &shown);
}

/// A page without scripts, and without anything from elsewhere.
fn page(text: &str) {
    // HTML's own are its first line, tags without an end, and an attribute without a value.
    let xml = text.strip_prefix("<!DOCTYPE html>").expect("HTML's first line");
    let xml = ends(xml, &["<meta ", "<link "]).replace("<details open>", "<details>");
    let parsed = parsed(&xml);
    for node in parsed.descendants().filter(roxmltree::Node::is_element) {
        assert!(!matches!(node.tag_name().name(), "script" | "img" | "iframe" | "object" | "base" | "form"));
        for attribute in node.attributes() {
            let elsewhere = matches!(attribute.name(), "href" | "src") && !attribute.value().starts_with(['#', 'd']);
            assert!(!attribute.name().starts_with("on") && !elsewhere, "{attribute:?}");
        }
    }
}

/// Closes tags that HTML does not.
fn ends(html: &str, tags: &[&str]) -> String {
    let mut xml = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = tags.iter().filter_map(|tag| rest.find(tag)).min() {
        let end = at + rest[at..].find('>').expect("the tag's end");
        xml.push_str(&rest[..end]);
        xml.push('/');
        rest = &rest[end..];
    }
    xml + rest
}

fn parsed(xml: &str) -> Document<'_> {
    let options = ParsingOptions { nodes_limit: u32::MAX, ..ParsingOptions::default() };
    Document::parse_with_options(xml, options).unwrap_or_else(|e| panic!("{e} in {xml}"))
}

fn suite(xml: &str, document: &Value) {
    let parsed = parsed(xml);
    let cases = |inside: &str| parsed.descendants().filter(|node| node.has_tag_name(inside)).count();
    let verdicts = |word: &str| {
        let scenarios = document["scenarios"].as_array().expect("scenarios");
        scenarios.iter().filter(|story| story["verdict"] == word).count()
    };
    assert_eq!(cases("failure"), verdicts("failed"));
    assert_eq!(cases("skipped"), verdicts("skipped"));
    assert_eq!(cases("testcase") - cases("failure") - cases("error") - cases("skipped"), verdicts("held"));
}

/// Nothing but our own commands, at most eleven.
fn annotations(text: &str) {
    harmless(text);
    let foreign =
        text.lines().find(|line| !line.starts_with("::error ") && !line.starts_with("::notice title=kubewalk::"));
    assert!(foreign.is_none() && text.lines().count() <= 11, "{text}");
}

fn summary(text: &str) {
    harmless(text);
    assert!(text.len() < 1 << 20);
    parsed(&format!("<all>{}</all>", text.replace("<br>", "<br/>")));
}

fn terminal(records: &[Record]) -> String {
    let mut normal = String::new();
    for (color, verbosity, width) in
        [(false, Verbosity::Normal, 110), (true, Verbosity::Verbose, 0), (false, Verbosity::Quiet, 1000)]
    {
        let mut terminal = Terminal::new(color, verbosity, width);
        let shown: String = records.iter().map(|record| terminal.on(&record.event)).collect();
        if !color {
            harmless(&shown);
            let command = shown.lines().find(|line| line.trim_start().starts_with("::") || line.contains("##vso["));
            assert!(command.is_none(), "{command:?}");
        }
        if verbosity == Verbosity::Normal {
            normal = shown;
        }
    }
    normal
}

/// What is read of the stream that these records make is the same.
fn later(records: &[Record], shown: &str) {
    let stream: String = records.iter().map(Record::line).collect();
    harmless(&stream);
    let again = stream::read(&stream).expect("our own stream");
    assert_eq!(again, records);
    let again: Vec<Record> = again.into_iter().map(|record| Record::new(record.at_ms, record.event)).collect();
    assert_eq!(again, records, "a second filter finds something");
    let mut terminal = Terminal::new(false, Verbosity::Normal, 110);
    assert_eq!(again.iter().map(|record| terminal.on(&record.event)).collect::<String>(), shown);
}
