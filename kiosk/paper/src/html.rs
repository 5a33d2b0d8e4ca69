//! A slip as HTML: the lines of the paper as text, which screens and readers can enlarge and read out.

use std::fmt::Write;

use crate::line::{Line, Words};
use crate::sheet::{Paper, Sheet, Size};
use crate::symbol::Modules;

/// The look of [`Sheet::to_html`]; it holds no inline style, so that pages can forbid those.
pub const STYLE: &str = include_str!("paper.css");

impl Sheet {
    /// The slip as an `article` element. Its look is [`STYLE`].
    #[must_use]
    pub fn to_html(&self, paper: Paper) -> String {
        let columns = if paper.columns(Size::Plain) > 40 {
            "wide"
        } else {
            "narrow"
        };
        let (language, title) = (escaped(&self.language), escaped(&self.title));
        let mut html = format!(
            "<article class=\"slip {columns}\" lang=\"{language}\" aria-label=\"{title}\">\n"
        );
        for line in self.lines(paper) {
            html.push_str(&element(&line));
            html.push('\n');
        }
        html.push_str("</article>\n");
        html
    }

    /// The slip as a whole document that needs nothing else.
    #[must_use]
    pub fn to_html_document(&self, paper: Paper) -> String {
        let (language, title) = (escaped(&self.language), escaped(&self.title));
        format!(
            "<!doctype html>\n<html lang=\"{language}\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
             <style>{STYLE}</style>\n{}</html>\n",
            self.to_html(paper)
        )
    }
}

fn element(line: &Line) -> String {
    match line {
        Line::Words(words) => row(words),
        Line::Rule => "<hr>".to_owned(),
        Line::Space => "<p><br></p>".to_owned(),
        Line::Cut => "<hr class=\"cut\">".to_owned(),
        Line::Qr(content) => {
            Modules::of(content).map_or_else(String::new, |modules| code(&modules, content))
        }
    }
}

fn row(words: &Words) -> String {
    let look = words.look;
    let size = match look.size {
        Size::Plain => "",
        Size::Tall => " tall",
        Size::Large => " large",
        Size::Huge => " huge",
    };
    let classes = [
        (look.bold, " bold"),
        (look.centred, " centred"),
        (look.inverted, " inverted"),
    ];
    let classes: String = classes
        .iter()
        .filter(|(so, _)| *so)
        .map(|(_, class)| *class)
        .collect();
    let text = |text: &str| match look.struck {
        true if !text.is_empty() => format!("<s>{}</s>", escaped(text)),
        _ => escaped(text),
    };
    let (start, end) = (text(&words.start), text(&words.end));
    let end = if end.is_empty() {
        end
    } else {
        format!("<span>{end}</span>")
    };
    format!("<p class=\"row{size}{classes}\"><span>{start}</span>{end}</p>")
}

fn code(modules: &Modules, content: &str) -> String {
    let side = modules.outer_side();
    let mut path = String::new();
    for (x, y) in modules.dark() {
        let _ = write!(path, "M{x} {y}h1v1h-1z");
    }
    format!(
        "<svg class=\"code\" viewBox=\"0 0 {side} {side}\" role=\"img\" aria-label=\"QR: {}\" \
         shape-rendering=\"crispEdges\"><path d=\"{path}\"/></svg>",
        escaped(content)
    )
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use crate::{Paper, Sheet, pair, qr, rule, text};

    #[test]
    fn the_lines_of_the_paper_are_the_lines_of_the_page() {
        let sheet = Sheet::new(
            "en",
            "Receipt",
            [
                text("Lantern").large().centred(),
                pair("Ramen", "$13.40").struck(),
                rule(),
            ],
        );
        let html = sheet.to_html(Paper::MM80);
        let expected = "<article class=\"slip wide\" lang=\"en\" aria-label=\"Receipt\">\n\
            <p class=\"row large centred\"><span>Lantern</span></p>\n\
            <p class=\"row\"><span><s>Ramen</s></span><span><s>$13.40</s></span></p>\n\
            <hr>\n</article>\n";
        assert_eq!(html, expected);
    }

    #[test]
    fn what_a_diner_wrote_is_text_and_never_markup() {
        let sheet = Sheet::new("en\"", "<b>", [text("<script>'&\""), qr("<x>")]);
        let html = sheet.to_html_document(Paper::MM58);
        assert!(html.contains("&lt;script&gt;&#39;&amp;&quot;"), "{html}");
        assert!(!html.contains("<script") && !html.contains("<x>") && !html.contains("<b>"));
    }
}
