#include "cli/markdown.hpp"
#include "schemes/scheme.hpp"

namespace kvfrontier::cli {
namespace {

constexpr const char* schemes_head = R"(# Compression schemes

<!-- Written by the binary: `build/kvfrontier list schemes --markdown > docs/schemes.md`. A test compares the two. -->

Every scheme streams over the tokens, writes a bit string and answers from that string and what both parties know. A size
option left out is chosen by the budget. Fixed length: the size is a function of the public parameters; self-delimiting:
it depends on the data, and the mean counts. `keys: public` leaves keys out of the message and is honest only where they
are a function of the public coins. Surrogates are parts that stand in for something learned, or for what the stream does
not hold.
)";

std::string options_table(const core::OptionTable& table) {
  std::string text = "\n| option | default | allowed | meaning |\n|---|---|---|---|\n";
  for (const auto& option : table.options()) {
    const std::string preset = option.default_value.is_null() ? (option.size ? "by the budget" : "none")
                                                              : '`' + option.default_value.dump() + '`';
    text.append("| `").append(option.name).append("` | ").append(preset).append(" | ");
    text.append(escaped_markdown(option.allowed_text())).append(" | ").append(escaped_markdown(option.meaning));
    text.append(" |\n");
  }
  return text;
}

}  // namespace

std::string escaped_markdown(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool inside_word = i > 0 && std::isalnum(static_cast<unsigned char>(text[i - 1])) != 0;
    if (text[i] == '<' || text[i] == '*' || text[i] == '|' || text[i] == '[' || text[i] == ']' ||
        (text[i] == '_' && !inside_word))
      out += '\\';
    out += text[i];
  }
  return out;
}

std::string schemes_markdown() {
  std::string text = schemes_head;
  for (const auto& name : schemes::Schemes::names()) {
    const auto& scheme = schemes::Schemes::find(name, "scheme");
    text.append("\n## ").append(name).append("\n\n").append(escaped_markdown(scheme.summary())).append("\n\n");
    const auto line = [&](const char* title, const std::string& content) {
      text.append("- ").append(title).append(": ").append(escaped_markdown(content)).append("\n");
    };
    line("Paper", scheme.paper());
    line("Guarantee", scheme.guarantee());
    line("Surrogates", scheme.surrogates());
    line("Message", scheme.fixed_length() ? "fixed length" : "self-delimiting");
    if (!scheme.options().options().empty()) text += options_table(scheme.options());
  }
  return text;
}

}  // namespace kvfrontier::cli
