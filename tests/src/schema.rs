//! Checks a value against a schema of an OpenAPI 3.1 document. It knows the keywords that the document uses
//! and fails on any other, so that it cannot pass over one in silence.

use serde_json::Value;

/// Whether `value` fits `schema`; the error says where it does not.
pub fn check(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    at(document, schema, value, "$")
}

fn at(document: &Value, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
    let Some(keywords) = schema.as_object() else { return Ok(()) };
    let wrong = |what: String| Err(format!("{place}: {what} in {value}"));
    for (keyword, expected) in keywords {
        match keyword.as_str() {
            "$ref" => {
                let pointer =
                    expected.as_str().and_then(|reference| reference.strip_prefix('#')).unwrap_or_default();
                let target =
                    document.pointer(pointer).ok_or_else(|| format!("{place}: {expected} leads nowhere"))?;
                at(document, target, value, place)?;
            }
            "type" => {
                let is = |kind: &Value| match kind.as_str() {
                    Some("object") => value.is_object(),
                    Some("array") => value.is_array(),
                    Some("string") => value.is_string(),
                    Some("boolean") => value.is_boolean(),
                    Some("null") => value.is_null(),
                    Some("number") => value.is_number(),
                    Some("integer") => value.is_i64() || value.is_u64(),
                    _ => false,
                };
                let fits = expected.as_array().map_or_else(|| is(expected), |kinds| kinds.iter().any(is));
                if !fits {
                    return wrong(format!("no {expected}"));
                }
            }
            "enum" => {
                if !expected.as_array().is_some_and(|values| values.contains(value)) {
                    return wrong(format!("none of {expected}"));
                }
            }
            "const" => {
                if expected != value {
                    return wrong(format!("not {expected}"));
                }
            }
            "required" => {
                for name in expected.as_array().into_iter().flatten().filter_map(Value::as_str) {
                    if value.is_object() && value.get(name).is_none() {
                        return wrong(format!("no '{name}'"));
                    }
                }
            }
            "properties" => {
                for (name, schema) in expected.as_object().into_iter().flatten() {
                    if let Some(inner) = value.get(name) {
                        at(document, schema, inner, &format!("{place}.{name}"))?;
                    }
                }
            }
            "items" => {
                for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
                    at(document, expected, inner, &format!("{place}[{index}]"))?;
                }
            }
            "allOf" => {
                for schema in expected.as_array().into_iter().flatten() {
                    at(document, schema, value, place)?;
                }
            }
            "oneOf" | "anyOf" => {
                let results: Vec<_> = expected
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|schema| at(document, schema, value, place))
                    .collect();
                let fitting = results.iter().filter(|result| result.is_ok()).count();
                if fitting == 0 || (keyword == "oneOf" && fitting > 1) {
                    return wrong(format!("{fitting} of the choices fit ({results:?})"));
                }
            }
            "minimum" => {
                if value.as_f64().zip(expected.as_f64()).is_some_and(|(value, least)| value < least) {
                    return wrong(format!("less than {expected}"));
                }
            }
            // They say nothing about validity, or bind nothing that is checked here.
            "description"
            | "title"
            | "format"
            | "default"
            | "example"
            | "propertyNames"
            | "additionalProperties"
            | "deprecated"
            | "discriminator" => {}
            other => return Err(format!("{place}: the keyword '{other}' is not known")),
        }
    }
    Ok(())
}
