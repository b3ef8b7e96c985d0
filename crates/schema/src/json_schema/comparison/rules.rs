//! The rules of a comparison, as data: each finding names one of them.

/// A rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) id: &'static str,
    /// What data that is valid for the writer can do that the reader refuses.
    pub(crate) can: &'static str,
    /// A change of the new schema that passes, if it is the reader.
    pub(crate) backward: &'static str,
    /// A change of the new schema that passes, if it is the writer.
    pub(crate) forward: &'static str,
}

/// All rules, in the order of their ids.
pub(crate) const RULES: &[Rule] = &[
    rule(
        "additional_items_narrowed",
        "have other items there",
        [
            "keep the old schema of the items, or widen it",
            "keep the old schema of the items, or narrow it",
        ],
    ),
    rule(
        "additional_items_removed",
        "have more items there",
        ["leave the array open", "close the array"],
    ),
    rule(
        "additional_properties_narrowed",
        "have other values in properties there that aren't listed",
        [
            "keep the old additionalProperties, or widen it",
            "keep the old additionalProperties, or narrow it",
        ],
    ),
    rule(
        "additional_properties_removed",
        "have properties there that aren't listed",
        ["leave the object open", "close the object with additionalProperties false"],
    ),
    rule(
        "combined_type_changed",
        "be valid there in a way that the new combination refuses",
        ["keep the old combination, or use anyOf", "keep the old combination"],
    ),
    rule(
        "combined_type_subschemas_changed",
        "match none of the alternatives there",
        [
            "widen the alternatives, or add new ones beside them",
            "narrow the alternatives, or remove some",
        ],
    ),
    rule(
        "condition_changed",
        "miss what if asks for there",
        ["keep the old condition and its outcomes", "keep the old condition and its outcomes"],
    ),
    rule(
        "contains_changed",
        "lack an item that contains asks for, or have too many",
        ["keep the old contains, or widen its schema", "keep the old contains"],
    ),
    rule(
        "content_added",
        "be a text there that isn't encoded as needed",
        ["leave the keyword out", "keep the old keyword"],
    ),
    rule(
        "content_changed",
        "be a text there that isn't encoded as needed",
        ["keep the old encoding, or leave it out", "keep the old encoding"],
    ),
    rule(
        "dependency_array_added",
        "have {name} without the properties that it depends on",
        ["leave the dependency out", "keep the old dependency"],
    ),
    rule(
        "dependency_array_changed",
        "have {name} without the properties that it depends on",
        ["let {name} depend on nothing new", "keep all names of the old dependency"],
    ),
    rule(
        "dependency_array_extended",
        "have {name} without the properties that it depends on",
        ["let {name} depend on nothing new", "keep all names of the old dependency"],
    ),
    rule(
        "dependency_schema_added",
        "have {name} without meeting the schema that it depends on",
        ["leave the dependency out", "keep the old dependency"],
    ),
    rule(
        "dependency_schema_changed",
        "have {name} without meeting the schema that it depends on",
        ["keep the old schema of the dependency", "keep the old schema of the dependency"],
    ),
    rule(
        "dialect_changed",
        "be another value there, because the place changes the draft",
        ["write all of the schema in one draft", "write all of the schema in one draft"],
    ),
    rule(
        "dynamic_reference_changed",
        "be another value there, because where the reference leads depends on the way to it",
        ["use $ref, which can be compared", "use $ref, which can be compared"],
    ),
    rule(
        "enum_array_added",
        "be another value there",
        ["leave the list of values out", "keep the list of values"],
    ),
    rule(
        "enum_array_changed",
        "be one of the values that are missing there",
        ["keep every value of the old list", "only use values of the old list"],
    ),
    rule(
        "enum_array_narrowed",
        "be one of the values that are missing there",
        ["keep every value of the old list", "only use values of the old list"],
    ),
    rule(
        "exclusive_maximum_added",
        "be as great or greater there",
        [
            "leave the exclusiveMaximum out",
            "give the new schema an exclusiveMaximum that is at most the old one",
        ],
    ),
    rule(
        "exclusive_maximum_decreased",
        "be as great or greater there",
        ["keep the old exclusiveMaximum or raise it", "keep the old exclusiveMaximum or lower it"],
    ),
    rule(
        "exclusive_minimum_added",
        "be as small or less there",
        [
            "leave the exclusiveMinimum out",
            "give the new schema an exclusiveMinimum that is at least the old one",
        ],
    ),
    rule(
        "exclusive_minimum_increased",
        "be as small or less there",
        ["keep the old exclusiveMinimum or lower it", "keep the old exclusiveMinimum or raise it"],
    ),
    rule(
        "format_added",
        "be a text there that isn't of the format",
        ["leave the format out", "keep the old format"],
    ),
    rule(
        "format_changed",
        "be a text there that isn't of the format",
        ["keep the old format, or leave it out", "keep the old format"],
    ),
    rule(
        "item_added_not_covered_by_partially_open_content_model",
        "have another item at this position",
        [
            "give this position a schema that allows all that was allowed",
            "keep the schema of this position",
        ],
    ),
    rule(
        "item_added_to_open_content_model",
        "already have anything at this position, because the writer's array is open",
        ["add the item without conditions on its value", "keep the schema of this position"],
    ),
    rule(
        "item_removed_from_closed_content_model",
        "have an item at this position",
        ["keep the item", "keep the item out"],
    ),
    rule(
        "item_removed_not_covered_by_partially_open_content_model",
        "have another item at this position",
        ["keep the schema of this position", "give this position a schema that the old one allows"],
    ),
    rule(
        "items_changed",
        "have other items there",
        ["keep the old schema of the items", "keep the old schema of the items"],
    ),
    rule(
        "max_contains_added",
        "have more such items there",
        ["leave maxContains out", "keep the old maxContains"],
    ),
    rule(
        "max_contains_decreased",
        "have more such items there",
        ["keep the old maxContains or raise it", "keep the old maxContains or lower it"],
    ),
    rule(
        "max_items_added",
        "have more items there",
        ["leave maxItems out", "give the new schema a maxItems that is at most the old one"],
    ),
    rule(
        "max_items_decreased",
        "have more items there",
        ["keep the old maxItems or raise it", "keep the old maxItems or lower it"],
    ),
    rule(
        "max_length_added",
        "be longer there",
        ["leave maxLength out", "give the new schema a maxLength that is at most the old one"],
    ),
    rule(
        "max_length_decreased",
        "be longer there",
        ["keep the old maxLength or raise it", "keep the old maxLength or lower it"],
    ),
    rule(
        "max_properties_added",
        "have more properties there",
        [
            "leave maxProperties out",
            "give the new schema a maxProperties that is at most the old one",
        ],
    ),
    rule(
        "max_properties_decreased",
        "have more properties there",
        ["keep the old maxProperties or raise it", "keep the old maxProperties or lower it"],
    ),
    rule(
        "maximum_added",
        "be greater there",
        ["leave the maximum out", "give the new schema a maximum that is at most the old one"],
    ),
    rule(
        "maximum_decreased",
        "be greater there",
        ["keep the old maximum or raise it", "keep the old maximum or lower it"],
    ),
    rule(
        "min_contains_added",
        "have fewer such items there",
        ["leave minContains out", "keep the old minContains"],
    ),
    rule(
        "min_contains_increased",
        "have fewer such items there",
        ["keep the old minContains or lower it", "keep the old minContains or raise it"],
    ),
    rule(
        "min_items_added",
        "have fewer items there",
        ["leave minItems out", "give the new schema a minItems that is at least the old one"],
    ),
    rule(
        "min_items_increased",
        "have fewer items there",
        ["keep the old minItems or lower it", "keep the old minItems or raise it"],
    ),
    rule(
        "min_length_added",
        "be shorter there",
        ["leave minLength out", "give the new schema a minLength that is at least the old one"],
    ),
    rule(
        "min_length_increased",
        "be shorter there",
        ["keep the old minLength or lower it", "keep the old minLength or raise it"],
    ),
    rule(
        "min_properties_added",
        "have fewer properties there",
        [
            "leave minProperties out",
            "give the new schema a minProperties that is at least the old one",
        ],
    ),
    rule(
        "min_properties_increased",
        "have fewer properties there",
        ["keep the old minProperties or lower it", "keep the old minProperties or raise it"],
    ),
    rule(
        "minimum_added",
        "be less there",
        ["leave the minimum out", "give the new schema a minimum that is at least the old one"],
    ),
    rule(
        "minimum_increased",
        "be less there",
        ["keep the old minimum or lower it", "keep the old minimum or raise it"],
    ),
    rule(
        "multiple_of_added",
        "be another number there",
        ["leave multipleOf out", "keep the old multipleOf"],
    ),
    rule(
        "multiple_of_changed",
        "be another number there",
        ["use a multipleOf that divides the old one", "use a multiple of the old multipleOf"],
    ),
    rule(
        "multiple_of_expanded",
        "be another number there",
        ["use a multipleOf that divides the old one", "use a multiple of the old multipleOf"],
    ),
    rule(
        "nested_too_deeply",
        "be another value there, because the schemas are nested too deeply to be compared",
        ["nest the schemas less deeply", "nest the schemas less deeply"],
    ),
    rule(
        "not_type_extended",
        "be a value there that not refuses",
        ["keep the old not, or narrow its schema", "keep the old not, or widen its schema"],
    ),
    rule("nothing_accepted", "have a value there", ["allow values there", "leave the values out"]),
    rule(
        "optional_property_added_to_open_content_model",
        "already have anything as {name}, because the writer's object is open",
        [
            "add {name} without conditions on its value (the schema true), or close objects with additionalProperties false before adding properties; if all data that exists is known, check FORWARD instead",
            "keep {name} as it was",
        ],
    ),
    rule(
        "pattern_added",
        "be a text there that doesn't match the pattern",
        ["leave the pattern out", "keep the old pattern"],
    ),
    rule(
        "pattern_changed",
        "be a text there that doesn't match the pattern",
        ["keep the old pattern, or leave it out", "keep the old pattern"],
    ),
    rule(
        "pattern_properties_added",
        "have other values in properties with such names",
        ["leave the pattern out", "keep the pattern"],
    ),
    rule(
        "pattern_properties_changed",
        "have other values in properties with such names",
        ["keep the old schema of the pattern", "keep the old schema of the pattern"],
    ),
    rule(
        "product_type_extended",
        "miss one of the schemas of allOf",
        ["add nothing to allOf", "keep all of allOf"],
    ),
    rule(
        "property_added_not_covered_by_partially_open_content_model",
        "have another value as {name}, by what additionalProperties or patternProperties allow",
        [
            "give {name} a schema that allows all that additionalProperties or patternProperties allowed",
            "keep {name} as it was",
        ],
    ),
    rule(
        "property_changed",
        "have another value there",
        ["keep the old schema of the property", "keep the old schema of the property"],
    ),
    rule(
        "property_names_added",
        "have properties with other names",
        ["leave propertyNames out", "keep the old propertyNames"],
    ),
    rule(
        "property_names_narrowed",
        "have properties with other names",
        ["keep the old propertyNames, or widen them", "keep the old propertyNames, or narrow them"],
    ),
    rule(
        "property_removed_from_closed_content_model",
        "have {name}",
        [
            "keep {name}, perhaps marked as deprecated, or open the object",
            "add {name} to no closed object that old readers know",
        ],
    ),
    rule(
        "property_removed_not_covered_by_partially_open_content_model",
        "have a value as {name} that additionalProperties or patternProperties refuse",
        [
            "keep {name}, perhaps marked as deprecated",
            "give {name} a schema that the old additionalProperties or patternProperties allow",
        ],
    ),
    rule(
        "required_attribute_added",
        "lack {name}",
        ["leave {name} optional", "keep {name} required"],
    ),
    rule(
        "required_attribute_with_default_added",
        "lack {name}, because a validator doesn't put in the default",
        ["leave {name} optional", "keep {name} required"],
    ),
    rule(
        "required_property_added_to_open_content_model",
        "lack {name}, or have anything as {name}",
        ["add {name} as optional and without conditions on its value", "keep {name} required"],
    ),
    rule(
        "required_property_added_to_unopen_content_model",
        "lack {name}",
        ["add {name} as optional", "keep {name} required"],
    ),
    rule(
        "required_property_with_default_added_to_open_content_model",
        "lack {name}, or have anything as {name}; a validator doesn't put in the default",
        ["add {name} as optional and without conditions on its value", "keep {name} required"],
    ),
    rule(
        "required_property_with_default_added_to_unopen_content_model",
        "lack {name}, because a validator doesn't put in the default",
        ["add {name} as optional", "keep {name} required"],
    ),
    rule(
        "schema_added",
        "say more there than a schema allows that wasn't there before",
        ["leave the schema out", "keep the schema"],
    ),
    rule(
        "sum_type_narrowed",
        "match none of the alternatives there",
        [
            "keep all alternatives of the old schema",
            "only use alternatives that the old schema has",
        ],
    ),
    rule(
        "sum_type_overlaps",
        "match several alternatives of oneOf there",
        [
            "use anyOf, or tell the alternatives apart by a required property with a const of its own",
            "keep the alternatives of oneOf",
        ],
    ),
    rule(
        "too_complex",
        "be another value there, because the schemas take too long to be compared",
        [
            "make the schemas simpler, or change less at once",
            "make the schemas simpler, or change less at once",
        ],
    ),
    rule(
        "type_changed",
        "be of another type there",
        ["keep the old type, or add the new one beside it", "keep the old type"],
    ),
    rule(
        "type_narrowed",
        "be of another type there",
        ["keep every type of the old schema", "only use types that the old schema has"],
    ),
    rule(
        "unevaluated_items_changed",
        "have items there that unevaluatedItems refuses",
        [
            "change nothing at this place, or use items, which can be compared",
            "change nothing at this place, or use items, which can be compared",
        ],
    ),
    rule(
        "unevaluated_items_narrowed",
        "have other items there",
        ["keep the old unevaluatedItems", "keep the old unevaluatedItems"],
    ),
    rule(
        "unevaluated_items_removed",
        "have more items there",
        ["leave the array open", "close the array with unevaluatedItems false"],
    ),
    rule(
        "unevaluated_properties_changed",
        "have properties there that unevaluatedProperties refuses",
        [
            "change nothing at this place, or use additionalProperties, which can be compared",
            "change nothing at this place, or use additionalProperties, which can be compared",
        ],
    ),
    rule(
        "unevaluated_properties_narrowed",
        "have other values in properties there that aren't listed",
        ["keep the old unevaluatedProperties", "keep the old unevaluatedProperties"],
    ),
    rule(
        "unevaluated_properties_removed",
        "have properties there that aren't listed",
        ["leave the object open", "close the object with unevaluatedProperties false"],
    ),
    rule(
        "unique_items_added",
        "have the same item twice there",
        ["leave uniqueItems out", "keep uniqueItems"],
    ),
];

const fn rule(id: &'static str, can: &'static str, [backward, forward]: [&'static str; 2]) -> Rule {
    Rule { id, can, backward, forward }
}

/// What is said about a rule without a row.
const OTHER: Rule =
    rule("changed", "be another value there", ["keep the old schema", "keep the old schema"]);

/// The rule with an id.
pub(crate) fn rule_of(id: &'static str) -> Rule {
    let found = RULES.binary_search_by(|rule| rule.id.cmp(id));
    found.ok().and_then(|index| RULES.get(index).copied()).unwrap_or(Rule { id, ..OTHER })
}
