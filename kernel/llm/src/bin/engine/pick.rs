//! Choosing the next token.

use llama_cpp_2::{
    context::LlamaContext,
    sampling::LlamaSampler,
    token::{LlamaToken, data::LlamaTokenData, data_array::LlamaTokenDataArray},
};

/// Chooses the next token, within a grammar where there is one.
pub struct Picker {
    grammar: Option<LlamaSampler>,
    /// `None` for the likeliest.
    chance: Option<LlamaSampler>,
}

impl Picker {
    /// Temperature 0 takes the likeliest token each time.
    pub fn new(grammar: Option<LlamaSampler>, temperature: f32, seed: u32) -> Self {
        let chance = (temperature > 0.0).then(|| {
            LlamaSampler::chain(
                [LlamaSampler::top_p(0.95, 1), LlamaSampler::temp(temperature), LlamaSampler::dist(seed)],
                true,
            )
        });
        Self { grammar, chance }
    }

    /// The next token after the last that was computed. `None` where the grammar permits none.
    ///
    /// To ask the grammar about one token is cheap, about the whole vocabulary it is not: so first the token is
    /// chosen freely, and only where the grammar refuses it, among those that are permitted.
    pub fn pick(&mut self, context: &LlamaContext<'_>, last: i32) -> Option<LlamaToken> {
        let free = match &mut self.chance {
            None => likeliest(context.get_logits_ith(last))?,
            Some(chance) => {
                let mut all = context.token_data_array_ith(last);
                all.apply_sampler(chance);
                all.selected_token()?
            }
        };
        let token = if self.permits(free) { free } else { self.pick_permitted(context, last)? };
        if let Some(grammar) = &mut self.grammar {
            grammar.try_accept(token).ok()?;
        }
        Some(token)
    }

    fn permits(&mut self, token: LlamaToken) -> bool {
        let Some(grammar) = &mut self.grammar else { return true };
        let mut one = LlamaTokenDataArray::new(vec![LlamaTokenData::new(token, 1.0, 0.0)], false);
        one.apply_sampler(grammar);
        one.data.first().is_some_and(|data| data.logit().is_finite())
    }

    fn pick_permitted(&mut self, context: &LlamaContext<'_>, last: i32) -> Option<LlamaToken> {
        let mut all = context.token_data_array_ith(last);
        if let Some(grammar) = &mut self.grammar {
            all.apply_sampler(grammar);
        }
        all.data.retain(|data| data.logit().is_finite());
        all.sorted = false;
        match &mut self.chance {
            None => all.data.iter().max_by(|a, b| a.logit().total_cmp(&b.logit())).map(LlamaTokenData::id),
            Some(chance) => {
                all.apply_sampler(chance);
                all.selected_token()
            }
        }
    }
}

fn likeliest(logits: &[f32]) -> Option<LlamaToken> {
    let best = logits.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    i32::try_from(best.0).ok().map(LlamaToken)
}
