//! From a conversation to the text that a model reads: its own chat template, rendered.

use aether_llm::protocol::mind::{Message, ToolCall, ToolSpec};
use minijinja::{Environment, Error, ErrorKind, context, syntax::SyntaxConfig, value::Serde};
use serde::Serialize;
use serde_json::{Value, json};

use crate::grammar::{argument_names, in_order};

/// A message as templates know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Turn {
    /// system, user or assistant.
    pub role: &'static str,
    /// The text.
    pub content: String,
}

/// The conversation as a small model understands it: tools are told in the instructions, a call is the JSON that
/// the grammar lets through, and a result is said by the user.
pub fn turns(messages: &[Message], tools: &[ToolSpec]) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    let offer = offer(tools);
    if !tools.is_empty() && !matches!(messages.first(), Some(Message::System { .. })) {
        turns.push(Turn { role: "system", content: offer.clone() });
    }
    for message in messages {
        let (role, content) = match message {
            Message::System { text } if turns.is_empty() && !tools.is_empty() => {
                ("system", format!("{text}\n\n{offer}"))
            }
            Message::System { text } => ("system", text.clone()),
            Message::User { text } => ("user", text.clone()),
            Message::Assistant { text, calls } if calls.is_empty() => ("assistant", text.clone()),
            Message::Assistant { calls, .. } => {
                let calls: Vec<String> = calls.iter().map(|call| call_text(call, tools)).collect();
                ("assistant", calls.join("\n"))
            }
            Message::Tool { text, .. } => ("user", format!("Result: {}\nWhat next?", text.trim_end())),
        };
        match turns.last_mut() {
            // Many templates refuse two turns of one role in a row.
            Some(last) if last.role == role => {
                if role == "user" {
                    last.content = last.content.trim_end_matches("\nWhat next?").to_owned();
                }
                last.content.push('\n');
                last.content.push_str(&content);
            }
            _ => turns.push(Turn { role, content }),
        }
    }
    turns
}

/// A call as the grammar writes it: the tool first, the arguments in the order of the tool's schema.
fn call_text(call: &ToolCall, tools: &[ToolSpec]) -> String {
    let schema = tools.iter().find(|tool| tool.name == call.tool).map(|tool| &tool.parameters);
    let args = match (&call.args, schema) {
        (Value::Object(args), Some(schema)) => {
            let fields = in_order(args, schema.get("required"));
            let fields: Vec<String> =
                fields.map(|(name, value)| format!("{}: {value}", json!(name))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        (args, _) => args.to_string(),
    };
    format!(r#"{{"tool": {}, "args": {args}}}"#, json!(call.tool))
}

fn offer(tools: &[ToolSpec]) -> String {
    let mut text =
        String::from("Answer with one JSON object: {\"tool\": NAME, \"args\": {...}}. The tools are:");
    for tool in tools {
        let line = ["\n- ", &tool.name, "(", &argument_names(&tool.parameters), "): ", &tool.description];
        text.extend(line);
    }
    text
}

/// Renders a chat template, as Hugging Face's transformers would.
pub fn render(template: &str, turns: &[Turn], bos: &str, eos: &str) -> Result<String, Error> {
    match render_once(template, turns, bos, eos) {
        // Some templates know no system role and say so by an exception.
        Err(error) if turns.first().is_some_and(|turn| turn.role == "system") => {
            render_once(template, &without_system(turns), bos, eos).map_err(|_| error)
        }
        other => other,
    }
}

fn render_once(template: &str, turns: &[Turn], bos: &str, eos: &str) -> Result<String, Error> {
    let mut env = Environment::new();
    env.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    env.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    env.add_function("raise_exception", |reason: String| -> Result<String, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, reason))
    });
    env.add_template("chat", template)?;
    env.get_template("chat")?.render(context! {
        messages => Serde(turns),
        add_generation_prompt => true,
        bos_token => bos,
        eos_token => eos,
        // Templates of thinking models: the grammar leaves no room for it.
        enable_thinking => false,
    })
}

/// The instructions as part of the first thing that the user says.
fn without_system(turns: &[Turn]) -> Vec<Turn> {
    let Some((system, rest)) = turns.split_first() else { return Vec::new() };
    let mut rest = rest.to_vec();
    match rest.first_mut() {
        Some(first) if first.role == "user" => {
            first.content = format!("{}\n\n{}", system.content, first.content);
        }
        _ => rest.insert(0, Turn { role: "user", content: system.content.clone() }),
    }
    rest
}

#[cfg(test)]
mod tests {
    use aether_llm::protocol::mind::{Message, ToolCall, ToolSpec};
    use serde_json::json;

    use super::{Turn, render, turns};

    const CHATML: &str = "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are helpful<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

    fn conversation() -> Vec<Message> {
        vec![
            Message::User { text: "Do it".to_owned() },
            Message::Assistant {
                text: "ignored".to_owned(),
                calls: vec![ToolCall {
                    id: "1".to_owned(),
                    tool: "rm".to_owned(),
                    args: json!({ "all": true, "path": "a" }),
                }],
            },
            Message::Tool { call: "1".to_owned(), tool: "rm".to_owned(), text: "removed\n".to_owned() },
            Message::User { text: "Go on".to_owned() },
        ]
    }

    #[test]
    fn results_are_said_by_the_user_and_roles_alternate() {
        let tools = [ToolSpec {
            name: "rm".to_owned(),
            description: "Removes".to_owned(),
            parameters: json!({ "required": ["path"] }),
        }];
        let turns = turns(&conversation(), &tools);
        let roles: Vec<&str> = turns.iter().map(|turn| turn.role).collect();
        assert_eq!(roles, ["system", "user", "assistant", "user"]);
        assert!(turns[0].content.contains("- rm(): Removes"));
        assert_eq!(turns[2].content, r#"{"tool": "rm", "args": {"path": "a", "all": true}}"#);
        assert_eq!(turns[3].content, "Result: removed\nGo on");
    }

    #[test]
    fn a_template_without_system_gets_its_default() {
        let text = render(CHATML, &[Turn { role: "user", content: "Hi".to_owned() }], "", "").unwrap();
        assert_eq!(
            text,
            "<|im_start|>system\nYou are helpful<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
        );
    }

    #[test]
    fn a_template_that_refuses_system_gets_the_instructions_from_the_user() {
        let template = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}{% for m in messages %}[{{ m.role }}] {{ m.content.strip() }}\n{% endfor %}";
        let turns = [
            Turn { role: "system", content: "Be brief".to_owned() },
            Turn { role: "user", content: "Hi ".to_owned() },
        ];
        assert_eq!(render(template, &turns, "", "").unwrap(), "[user] Be brief\n\nHi\n");
    }
}
