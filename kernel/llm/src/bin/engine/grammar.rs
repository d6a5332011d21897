//! From the tools' schemas to a grammar that lets through one call and nothing else.

use aether_llm::protocol::mind::ToolSpec;
use serde_json::{Map, Value, json};

/// llama.cpp refuses repetitions beyond 2000; long before that a small model only repeats itself.
const LONGEST_STRING: u64 = 1500;

/// The schema of one call: `{"tool": name, "args": {…}}`, one alternative per tool. It is text, since the order of
/// the fields matters: the model writes them in that order, and the required ones come first.
pub fn calls_schema(tools: &[ToolSpec], max_output_tokens: u32) -> String {
    // A token is a few characters; the rest is for the JSON around them.
    let longest = (u64::from(max_output_tokens) * 2).clamp(16, LONGEST_STRING);
    let alternatives: Vec<String> = tools
        .iter()
        .map(|tool| {
            let mut args = tool.parameters.clone();
            bound(&mut args, longest);
            if args.get("type").is_none() {
                args = json!({ "type": "object" });
            }
            let name = json!({ "const": tool.name });
            format!(
                r#"{{"type":"object","properties":{{"tool":{name},"args":{}}},"required":["tool","args"],"additionalProperties":false}}"#,
                ordered(&args)
            )
        })
        .collect();
    format!(r#"{{"oneOf":[{}]}}"#, alternatives.join(","))
}

/// Gives every string a longest length and takes away what only people read.
fn bound(schema: &mut Value, longest: u64) {
    match schema {
        Value::Object(map) => {
            for key in ["description", "title", "default", "format", "$schema", "examples"] {
                // A property may have such a name; then it is a schema, and `properties` is handled below.
                map.remove(key);
            }
            let is_string = match map.get("type") {
                Some(Value::String(kind)) => kind == "string",
                Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "string"),
                _ => false,
            };
            if is_string
                && !map.contains_key("enum")
                && !map.contains_key("const")
                && !map.contains_key("pattern")
            {
                let own = map.get("maxLength").and_then(Value::as_u64).unwrap_or(longest);
                map.insert("maxLength".to_owned(), json!(own.min(longest)));
            }
            for (key, inner) in map.iter_mut() {
                match inner {
                    Value::Object(named)
                        if matches!(key.as_str(), "properties" | "$defs" | "definitions") =>
                    {
                        named.values_mut().for_each(|schema| bound(schema, longest));
                    }
                    inner => bound(inner, longest),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|inner| bound(inner, longest)),
        _ => {}
    }
}

/// The schema as text with the required properties first, in the order of `required`.
fn ordered(schema: &Value) -> String {
    match schema {
        Value::Object(map) => {
            let fields = map.iter().map(|(key, value)| {
                let text = match value {
                    Value::Object(properties) if key == "properties" => {
                        properties_text(properties, map.get("required"))
                    }
                    value => ordered(value),
                };
                format!("{}:{text}", json!(key))
            });
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(ordered).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

fn properties_text(properties: &Map<String, Value>, required: Option<&Value>) -> String {
    let fields =
        in_order(properties, required).map(|(name, schema)| format!("{}:{}", json!(name), ordered(schema)));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

/// The fields of an object: the required ones first, in the order in which they are required.
pub fn in_order<'a>(
    fields: &'a Map<String, Value>,
    required: Option<&'a Value>,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let names = move || required.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let first = names().filter_map(|name| fields.get_key_value(name));
    first.chain(fields.iter().filter(move |(field, _)| !names().any(|name| name == field.as_str())))
}

/// The names of a tool's arguments, required ones first; others in brackets. For the prompt.
pub fn argument_names(parameters: &Value) -> String {
    let Some(properties) = parameters.get("properties").and_then(Value::as_object) else {
        return String::new();
    };
    let required = parameters.get("required");
    let is_required = |name: &str| {
        required.and_then(Value::as_array).is_some_and(|required| required.iter().any(|other| other == name))
    };
    let names = in_order(properties, required)
        .map(|(name, _)| if is_required(name) { name.clone() } else { format!("[{name}]") });
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use aether_llm::protocol::mind::ToolSpec;
    use llama_cpp_2::json_schema_to_grammar;
    use serde_json::json;

    use super::{argument_names, calls_schema};

    fn write_file() -> ToolSpec {
        ToolSpec {
            name: "write_file".to_owned(),
            description: "Writes a file".to_owned(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "content": { "type": "string", "description": "The text" },
                    "lines": { "type": ["integer", "null"], "format": "uint32", "minimum": 0, "default": null },
                    "path": { "type": "string", "maxLength": 40 },
                },
                "required": ["path", "content"],
                "additionalProperties": false,
            }),
        }
    }

    #[test]
    fn required_arguments_come_first_in_their_order_and_strings_are_bounded() {
        let schema = calls_schema(&[write_file()], 100);
        let [path, content, lines] =
            [r#""path":{"maxLength":40"#, r#""content":{"maxLength":200"#, r#""lines":{"#]
                .map(|piece| schema.find(piece).unwrap_or_else(|| panic!("{piece} is not in {schema}")));
        assert!(path < content && content < lines, "{schema}");
        assert!(!schema.contains("The text"));
        assert_eq!(argument_names(&write_file().parameters), "path, content, [lines]");
    }

    #[test]
    fn a_property_called_title_or_default_stays() {
        let tool = ToolSpec {
            name: "note".to_owned(),
            description: String::new(),
            parameters: json!({ "type": "object", "properties": { "title": { "type": "string" } }, "required": ["title"] }),
        };
        assert!(calls_schema(&[tool], 64).contains(r#""title":{"maxLength":128,"type":"string"}"#));
    }

    #[test]
    fn the_schema_becomes_a_grammar() {
        let grammar = json_schema_to_grammar(&calls_schema(&[write_file()], 2000)).unwrap();
        assert!(grammar.contains("root ::="), "{grammar}");
        assert!(grammar.contains("write_file"), "{grammar}");
    }
}
