//! Reads the repository and holds it to its rules. Each test prints every place that breaks its
//! rule.

#![expect(clippy::unwrap_used, reason = "without the tree there is nothing to test")]

use muster_tidy::{
    Finding, Source, Tree, calls, lengths, limits, names, openings, pages, report, rooms,
    same_names, supply, workplace,
};

fn none(findings: impl IntoIterator<Item = Finding>) {
    let found = report(findings.into_iter().collect());
    assert!(found.is_empty(), "\n{found}");
}

fn sources(check: impl Fn(&Source<'_>) -> Vec<Finding>) {
    let tree = Tree::read().unwrap();
    let all = Source::all(&tree);
    assert!(all.len() > 20, "the files of the repository are found: {}", all.len());
    none(all.iter().flat_map(check));
}

#[test]
fn functions_fit_a_screen() {
    sources(lengths::functions);
}

#[test]
fn files_can_be_read_in_one_sitting() {
    let tree = Tree::read().unwrap();
    let sources = [".rs", ".py", ".sh"];
    none(sources.iter().flat_map(|end| tree.ending(end)).filter_map(lengths::file));
}

#[test]
fn names_say_something() {
    sources(names::items);
    let tree = Tree::read().unwrap();
    none(tree.ending(".rs").filter_map(|page| names::path(&page.path)));
}

#[test]
fn a_public_type_has_its_name_alone() {
    let tree = Tree::read().unwrap();
    none(same_names::check(&Source::all(&tree)));
}

#[test]
fn pure_rooms_are_pure_and_only_the_program_reads_the_environment() {
    sources(calls::rooms);
}

#[test]
fn changes_are_read_in_their_rooms() {
    sources(calls::changes);
}

#[test]
fn http_has_no_fold_and_no_filter_of_its_own() {
    sources(calls::meanings);
}

#[test]
fn lints_are_expected_with_a_reason_and_tests_are_never_ignored() {
    sources(calls::escapes);
}

#[test]
fn tests_wait_for_conditions() {
    sources(calls::sleeps);
}

#[test]
fn crates_say_what_they_are_and_what_they_are_not() {
    let tree = Tree::read().unwrap();
    none(tree.ending("/src/lib.rs").filter_map(openings::check));
}

#[test]
fn links_lead_somewhere_and_every_page_is_in_the_index() {
    let tree = Tree::read().unwrap();
    none(pages::links(&tree).into_iter().chain(pages::index(&tree)));
}

#[test]
fn pages_that_repeat_the_source_agree_with_it() {
    let tree = Tree::read().unwrap();
    none(pages::drawn(&tree).into_iter().chain(limits::check(&tree)));
}

#[test]
fn the_program_names_pages_by_their_titles() {
    none(pages::messages(&Tree::read().unwrap()));
}

#[test]
fn no_page_names_a_place_on_somebodys_machine() {
    let tree = Tree::read().unwrap();
    let pages = tree.pages.iter().filter(|page| page.path != "Cargo.lock");
    none(pages.flat_map(workplace::places));
}

#[test]
fn pages_and_comments_say_what_is() {
    let tree = Tree::read().unwrap();
    none([".md", ".rs"].iter().flat_map(|end| tree.ending(end)).flat_map(workplace::talk));
}

#[test]
fn rooms_use_each_other_one_way() {
    let tree = Tree::read().unwrap();
    let table = rooms::table(tree.text(rooms::PAGE).unwrap());
    assert!(table.contains_key("words"), "the table of rooms is found");
    none(rooms::check(&table, &supply::Graph::read(&tree.root).unwrap()));
}

#[test]
fn dependencies_are_few_licensed_explained_and_in_their_rooms() {
    let tree = Tree::read().unwrap();
    let graph = supply::Graph::read(&tree.root).unwrap();
    let rules = supply::Rules::parse(tree.text("deny.toml").unwrap()).unwrap();
    let explained = supply::explained(tree.text(supply::PAGE).unwrap(), &graph);
    let budget = supply::budget(tree.text("crates/tidy/ratchets.toml").unwrap(), &graph);
    none(
        rules
            .licences(&graph)
            .into_iter()
            .chain(rules.wrappers(&graph))
            .chain(explained)
            .chain(budget),
    );
}
