# `just` alone lists what there is.

# List the recipes.
default:
    @just --list

# Run everything that CI runs.
check:
    .ci/run

# Format the code.
fmt:
    cargo fmt

# Look for mistakes that the compiler lets pass.
lint:
    cargo clippy --all-targets -- -D warnings

# Run all tests; those that need a cluster share one.
test *ARGS:
    cargo test {{ARGS}}

# Look at a change in a moment: mistakes, and the tests that need neither a cluster nor root.
quick:
    cargo fmt --check
    cargo test --lib --test invalid --test lint --test rooms --test front_door
    cargo run --quiet -- check scenarios

# Run the steps of a job of the public workflow (linux, site, workflows, …).
job NAME:
    scripts/job {{NAME}}

# Build the site of docs/ and look at its links (installs mdbook once).
site:
    .ci/site

# Say what is not ready for a release.
release-check:
    scripts/release-check

# Replay the first tutorial on a real cluster.
walkthrough:
    cargo run -- run scenarios/serviceaccount

# Accept the present output as the expected one; then read the diff.
bless:
    KUBEWALK_BLESS=1 cargo test

# Time a cold run, phase by phase (release build).
bench-cold:
    scripts/bench-cold

# Look for inputs that break the readers or the redactor (needs cargo-fuzz).
fuzz *ARGS:
    scripts/fuzz {{ARGS}}

# Run scenarios with faults of chance; no verdict may be wrong, and nothing left.
chaos *ARGS:
    scripts/chaos {{ARGS}}

# Write down the versions and sums of the Debian packages in the engine, as this distribution has them now.
debian-lock:
    engine/build.sh --write-lock
    engine/build.sh --minor 1.20 --write-lock

# Print a software bill of materials (SPDX 2.3) of kubewalk and its engine.
sbom:
    scripts/sbom

# Write the JSON Schemas anew.
schema:
    cargo run --quiet -- schema > schema/scenario.schema.json.new
    mv schema/scenario.schema.json.new schema/scenario.schema.json
    cargo run --quiet -- schema events > schema/events.schema.json.new
    mv schema/events.schema.json.new schema/events.schema.json
    cargo run --quiet -- schema claims > schema/claims.schema.json.new
    mv schema/claims.schema.json.new schema/claims.schema.json

# Make the pages of docs/tutorials/ anew, from a run on a real cluster; `--check` compares them with one.
tutorials *ARGS:
    scripts/tutorials {{ARGS}}

# Screenshots of the tutorials' pages at 1280x720, in light and dark; look at them.
screenshots FOLDER:
    scripts/screenshots {{FOLDER}} docs/tutorials/*.html

# Pictures of a class as a projector shows it, each step of the walkthrough at 1280x720, in light and in dark; look at them.
class-screenshots FOLDER:
    scripts/class-screenshots {{FOLDER}}
