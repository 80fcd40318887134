//! Checks a JSON value against a schema of the served document: as much of JSON Schema as that
//! document uses, and anything else is a failure.

use serde_json::Value;

/// Where a value leaves its schema, if it does.
pub(crate) fn differs(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    at("$", document, schema, value).err()
}

fn at(path: &str, document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{path}: {what}: {value} against {schema}"));
    for (keyword, told) in schema.as_object().expect("a schema is an object") {
        match keyword.as_str() {
            "$ref" => {
                let pointer = told.as_str().unwrap().strip_prefix('#').unwrap();
                let named = document
                    .pointer(pointer)
                    .expect("references lead somewhere");
                at(path, document, named, value)?;
            }
            "type" => {
                let types = match told {
                    Value::Array(types) => types.clone(),
                    one => vec![one.clone()],
                };
                if !types.iter().any(|kind| is(kind.as_str().unwrap(), value)) {
                    return wrong("another type");
                }
            }
            "enum" if !told.as_array().unwrap().contains(value) => return wrong("another word"),
            "minimum" if value.as_f64().is_some_and(|n| n < told.as_f64().unwrap()) => {
                return wrong("too small");
            }
            "minLength" if value.as_str().is_some_and(str::is_empty) => return wrong("empty"),
            "required" => {
                for name in told.as_array().unwrap() {
                    if value.get(name.as_str().unwrap()).is_none() {
                        return wrong(&format!("{name} is missing"));
                    }
                }
            }
            "properties" => {
                for (name, schema) in told.as_object().unwrap() {
                    if let Some(member) = value.get(name) {
                        at(&format!("{path}.{name}"), document, schema, member)?;
                    }
                }
            }
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                for (name, member) in value.as_object().into_iter().flatten() {
                    if known.is_some_and(|known| known.contains_key(name)) {
                        continue;
                    }
                    match told {
                        Value::Bool(false) => return wrong(&format!("{name} is not in it")),
                        schema => at(&format!("{path}.{name}"), document, schema, member)?,
                    }
                }
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    at(&format!("{path}[{index}]"), document, told, item)?;
                }
            }
            "oneOf" => {
                let fits = told.as_array().unwrap().iter();
                let fits = fits.filter(|schema| at(path, document, schema, value).is_ok());
                if fits.count() != 1 {
                    return wrong("not exactly one of them");
                }
            }
            "anyOf" => {
                let mut fits = told.as_array().unwrap().iter();
                if !fits.any(|schema| at(path, document, schema, value).is_ok()) {
                    return wrong("none of them");
                }
            }
            "format" | "pattern" | "maxLength" | "enum" | "minimum" | "minLength" => {}
            other => panic!("{path}: the keyword {other} is not checked"),
        }
    }
    Ok(())
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("the type {other} is unknown"),
    }
}
