//! Countries by the adjectives and short forms that people say for them.

/// The word that is said, and a name under which data may hold the country.
const NATIONS: &str = "afghan Afghanistan albanian Albania algerian Algeria american United_States american USA \
    american US argentine Argentina argentinian Argentina armenian Armenia australian Australia austrian Austria \
    azerbaijani Azerbaijan bangladeshi Bangladesh belarusian Belarus belgian Belgium bolivian Bolivia bosnian \
    Bosnia_and_Herzegovina brazilian Brazil british United_Kingdom british Great_Britain british UK bulgarian Bulgaria \
    cambodian Cambodia cameroonian Cameroon canadian Canada chilean Chile chinese China colombian Colombia croatian \
    Croatia cuban Cuba cypriot Cyprus czech Czech_Republic czech Czechia danish Denmark dutch Netherlands ecuadorian \
    Ecuador egyptian Egypt english England estonian Estonia ethiopian Ethiopia filipino Philippines finnish Finland \
    french France georgian Georgia german Germany ghanaian Ghana greek Greece guatemalan Guatemala haitian Haiti \
    hungarian Hungary icelandic Iceland indian India indonesian Indonesia iranian Iran iraqi Iraq irish Ireland \
    israeli Israel italian Italy ivorian Ivory_Coast jamaican Jamaica japanese Japan jordanian Jordan kazakh \
    Kazakhstan kenyan Kenya korean South_Korea kuwaiti Kuwait latvian Latvia lebanese Lebanon libyan Libya lithuanian \
    Lithuania macedonian Macedonia malaysian Malaysia maltese Malta mexican Mexico moldovan Moldova mongolian \
    Mongolia moroccan Morocco nepalese Nepal nicaraguan Nicaragua nigerian Nigeria norwegian Norway pakistani \
    Pakistan panamanian Panama paraguayan Paraguay peruvian Peru polish Poland portuguese Portugal romanian Romania \
    russian Russia scottish Scotland senegalese Senegal serbian Serbia singaporean Singapore slovak Slovakia \
    slovenian Slovenia somali Somalia spanish Spain sudanese Sudan swedish Sweden swiss Switzerland syrian Syria \
    taiwanese Taiwan tanzanian Tanzania thai Thailand tunisian Tunisia turkish Turkey ugandan Uganda uk \
    United_Kingdom uk Great_Britain ukrainian Ukraine uruguayan Uruguay usa United_States us United_States us USA \
    venezuelan Venezuela vietnamese Vietnam welsh Wales zimbabwean Zimbabwe";

/// The names of the countries that a word (lower case) may stand for.
pub fn nations(lower: &str) -> impl Iterator<Item = String> {
    let single = lower
        .strip_suffix('s')
        .filter(|rest| rest.len() > 3)
        .map(str::to_owned);
    let lower = lower.to_owned();
    let words: Vec<&str> = NATIONS.split_ascii_whitespace().collect();
    let mut found = Vec::new();
    for pair in words.chunks_exact(2) {
        if pair[0] == lower || single.as_deref() == Some(pair[0]) {
            found.push(pair[1].replace('_', " "));
        }
    }
    found.into_iter()
}
