#include <cmath>

#include "analysis/claim.hpp"
#include "analysis/columns.hpp"
#include "cli/markdown.hpp"
#include "geometry/embedding.hpp"
#include "reduction/instance.hpp"
#include "schemes/scheme.hpp"
#include "sweep/experiment.hpp"
#include "sweep/stopping.hpp"

namespace kvfrontier::cli {
namespace {

std::string head(const std::string& title, const std::string& kind, const std::string& file, const std::string& text) {
  return "# " + title + "\n\n<!-- Written by the binary: `build/kvfrontier list " + kind + " --markdown > " + file +
         "`. A test compares the two. -->\n\n" + text;
}

std::string options_table(const core::OptionTable& table, const char* title = "option") {
  std::string text = "\n| ";
  text.append(title).append(" | default | allowed | meaning |\n|---|---|---|---|\n");
  for (const auto& option : table.options()) {
    const std::string preset = option.default_value.is_null() ? (option.size ? "by the budget" : "none")
                                                              : '`' + option.default_value.dump() + '`';
    text.append("| `").append(option.name).append("` | ").append(preset).append(" | ");
    text.append(escaped_markdown(option.allowed_text())).append(" | ").append(escaped_markdown(option.meaning));
    text.append(" |\n");
  }
  return text;
}

// A heading, what it is, and lines "- Title: content".
class Entry {
 public:
  Entry(const std::string& name, const std::string& summary)
      : text_("\n## " + name + "\n\n" + escaped_markdown(summary) + "\n\n") {}
  Entry& line(const char* title, const std::string& content) {
    text_.append("- ").append(title).append(": ").append(escaped_markdown(content)).append("\n");
    return *this;
  }
  Entry& options(const core::OptionTable& table, const char* title = "option") {
    if (!table.options().empty()) text_ += options_table(table, title);
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::string schemes_markdown() {
  std::string text = head(
      "Compression schemes", "schemes", "docs/schemes.md",
      R"(Every scheme streams over the tokens, writes a bit string and answers from that string and what both parties know.
The budget chooses a size option that is left out.
Fixed length: the size is a function of the public parameters; self-delimiting: it depends on the data, and the mean counts.
`keys: public` leaves keys out of the message and is honest only where they are a function of the public coins.
Surrogates are parts that replace something learned, or something that the stream does not hold.
)");
  for (const auto& name : schemes::Schemes::names()) {
    const auto& scheme = schemes::Schemes::find(name, "scheme");
    text += Entry(name, scheme.summary())
                .line("Paper", scheme.paper())
                .line("Guarantee", scheme.guarantee())
                .line("Surrogates", scheme.surrogates())
                .line("Message", scheme.fixed_length() ? "fixed length" : "self-delimiting")
                .options(scheme.options())
                .text();
  }
  return text;
}

std::string embeddings_markdown() {
  std::string text = head("Families of keys", "embeddings", "docs/embeddings.md",
                          R"(The axis `embedding`.
Row i of a family is a function of the public coins, or of nothing, so both parties draw it.
The law says how near to each other N rows in dimension d come, and where the family exists.
)");
  for (const auto& name : geometry::Embeddings::names()) {
    const auto& family = geometry::Embeddings::find(name, "embedding");
    text += Entry(name, family.summary())
                .line("Source", family.source())
                .line("Law", family.law())
                .line("Rows", std::string(family.deterministic() ? "fixed" : "drawn anew in every trial") +
                                  (family.unit_norm() ? ", of norm 1" : ", of norm about 1"))
                .text();
  }
  return text;
}

std::string instances_markdown() {
  std::string text = head("Families of instances", "instances", "docs/instances.md",
                          R"(The axis `instance`: a name, or `{"name": ..., options}`.
An instance is what Alice alone knows, the token stream that hides it, and the queries that Bob asks.
)");
  for (const auto& name : reduction::InstanceFamilies::names()) {
    const auto& family = reduction::InstanceFamilies::find(name, "instance");
    text += Entry(name, family.summary())
                .line("Source", family.source())
                .line("Keys", family.keys_are_public() ? "rows of the embedding, so they may be public"
                                                       : "not a function of the public coins: schemes must store them")
                .options(family.options())
                .text();
  }
  return text;
}

std::string configs_markdown() {
  std::string text = head("Configs", "experiments", "docs/config.md",
                          R"(A config is a JSON object; comments are allowed.
Its keys are `experiment`, `seed` (default 1), `stop`, `grid` (an object of axes, or a list of such objects) and the axes
of the experiment, each either at the top or in the grid.
`$schema` is for editors and is ignored otherwise: [configs/schema.json](../configs/schema.json) completes and checks
configs as you type.
A list is an axis of a product; `{"geometric": [first, last, ratio]}` and `{"linear": [first, last, step]}` are ranges of
numbers.
An unknown key, a value out of range or an axis that no entry reads is an error that names the path.
Values of `scheme` and `instance` may be `{"name": ..., options}`; [schemes.md](schemes.md) and
[instances.md](instances.md) list the options.

Axes of the experiments that have no verdict follow.
Claims bring their own configs (`kvfrontier verify`); `kvfrontier describe NAME` prints their axes.

## stop
)");
  text += options_table(core::table_of<sweep::StopRule>(), "key");
  for (const auto& name : sweep::Experiments::names()) {
    const auto& experiment = sweep::Experiments::find(name, "experiment");
    if (analysis::find_claim(name) != nullptr) continue;
    text += Entry(name, experiment.statement())
                .line("Source", experiment.source())
                .options(experiment.options(), "axis")
                .text();
  }
  return text;
}

// A table of members, each with its unit.
std::string members_table(const std::vector<core::Option>& members, const char* title) {
  std::string text = "\n| ";
  text.append(title).append(" | type | meaning |\n|---|---|---|\n");
  for (const auto& member : members) {
    text.append("| `").append(member.name).append("` | ").append(member.type_text()).append(" | ");
    text.append(escaped_markdown(member.meaning)).append(member.unit.empty() ? "" : " (" + member.unit + ")");
    text.append(" |\n");
  }
  return text;
}

std::string fields_markdown() {
  std::string text = head("Fields of records and columns of tables", "fields", "docs/fields.md",
                          R"(What every field of a store and every column of `kvfrontier table --format csv` means.
[records.md](records.md) says how they belong together.
Fields without a value are left out of `data`.
)");
  const auto section = [&](const char* title, const std::string& intro, const std::string& table) {
    text.append("\n## ").append(title).append("\n\n").append(intro).append("\n").append(table);
  };
  section("A record", "One line of `records*.jsonl`, with `schema` " + std::to_string(sweep::record_schema) + ".",
          members_table(core::members_of<sweep::Record>().options(), "field"));
  section("`parameters` of every point", "What the engine adds to the parameters of an experiment.",
          members_table(core::members_of<sweep::Identity>().options(), "field"));
  section("`parameters` of a game", "Points of `index_frontier`; claims have parameters of their own.",
          members_table(core::members_of<simulator::GamePoint>().options(), "field"));
  section("`data` of a game", "Claims have data of their own.",
          members_table(core::members_of<simulator::GameRecord>().options(), "field"));
  section("`data` of a failed trial", "Beside the fields of a game that are known all the same.",
          members_table(core::members_of<sweep::Failure>().options(), "field"));
  section("A metric's value", "Entries of `data.metrics`, by the name of the metric.",
          members_table(core::members_of<simulator::MetricValue>().options(), "field"));
  std::string metrics = "\n| metric | unit | better | worst | meaning |\n|---|---|---|---|---|\n";
  for (const auto& name : simulator::Metrics::names()) {
    const auto& metric = simulator::Metrics::find(name, "metric");
    const double worst = metric.worst();
    metrics.append("| `").append(name).append("` | ").append(metric.unit()).append(" | ");
    metrics.append(core::enum_name(metric.better())).append(" | ");
    metrics.append(std::isfinite(worst) ? core::Json(worst).dump() : "infinite").append(" | ");
    metrics.append(escaped_markdown(metric.meaning())).append(" |\n");
  }
  section("Metrics", "What every game measures.", metrics);
  section("A stop", "One line of `stops*.jsonl`.", members_table(core::members_of<sweep::Stop>().options(), "field"));
  std::string columns = "\n| column | meaning |\n|---|---|\n";
  for (const auto& column : analysis::columns())
    columns.append("| `").append(column.name).append("` | ").append(escaped_markdown(column.meaning)).append(" |\n");
  columns += "| `param.PATH` | parameter of the point at that path, for every path that some point has |\n";
  section("Columns of a table", "One line a point, a summary of its trials up to its stop.", columns);
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

std::string reference_markdown(const std::string& kind) {
  if (kind == "schemes") return schemes_markdown();
  if (kind == "embeddings") return embeddings_markdown();
  if (kind == "instances") return instances_markdown();
  if (kind == "fields") return fields_markdown();
  return configs_markdown();
}

}  // namespace kvfrontier::cli
