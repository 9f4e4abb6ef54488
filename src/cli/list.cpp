// kvfrontier list and describe: what there is, from the tables of the plug-ins.

#include <cmath>
#include <cstdio>
#include <iostream>
#include <stdexcept>
#include <utility>

#include "analysis/columns.hpp"
#include "cli/arguments.hpp"
#include "cli/markdown.hpp"
#include "cli/verb_list.hpp"
#include "core/errors.hpp"
#include "geometry/embedding.hpp"
#include "reduction/instance.hpp"
#include "schemes/scheme.hpp"
#include "sweep/experiment.hpp"

namespace kvfrontier::cli {
namespace {

using core::Json;

constexpr const char* list_usage = "list experiments|schemes|embeddings|instances|metrics|fields [--json] [--markdown]";
constexpr const char* describe_usage = "describe NAME [--json]";

// What is told of one plug-in.
struct Card {
  std::string kind, name, summary;
  std::vector<std::pair<std::string, std::string>> facts;  // in the order in which they are printed
  int version = 0;                                         // 0: it has none
  const core::OptionTable* options = nullptr;
};

Json options_json(const core::OptionTable& table) {
  Json list = Json::array();
  for (const auto& option : table.options()) {
    list.push_back({{"name", option.name},
                    {"type", option.type_text()},
                    {"default", option.default_value},
                    {"allowed", option.allowed_text()},
                    {"meaning", option.meaning},
                    {"size", option.size}});
  }
  return list;
}

Json to_json(const Card& card) {
  Json json{{"kind", card.kind}, {"name", card.name}, {"summary", card.summary}};
  for (const auto& fact : card.facts) json.push_back({fact.first, fact.second});
  if (card.version > 0) json.push_back({"version", card.version});
  if (card.options != nullptr) json.push_back({"options", options_json(*card.options)});
  return json;
}

Card card(const sweep::Experiment& e) {
  return {"experiment", e.name(), e.statement(), {{"source", e.source()}}, e.version(), &e.options()};
}
Card card(const schemes::Scheme& s) {
  return {"scheme",
          s.name(),
          s.summary(),
          {{"surrogates", s.surrogates()},
           {"paper", s.paper()},
           {"guarantee", s.guarantee()},
           {"length", s.fixed_length() ? "fixed" : "self-delimiting"}},
          s.version(),
          &s.options()};
}
Card card(const geometry::Embedding& e) {
  return {"embedding", e.name(), e.summary(), {{"source", e.source()}, {"law", e.law()}}, 0, nullptr};
}
Card card(const reduction::InstanceFamily& f) {
  return {"instance", f.name(), f.summary(), {{"source", f.source()}}, 0, &f.options()};
}

Card card(const simulator::Metric& m) {
  return {"metric",
          m.name(),
          m.meaning(),
          {{"unit", m.unit()},
           {"better", core::enum_name(m.better())},
           {"worst", std::isfinite(m.worst()) ? core::Json(m.worst()).dump() : "infinity"}},
          0,
          nullptr};
}

// Columns of a table.
std::vector<Card> field_cards() {
  std::vector<Card> list;
  for (const auto& column : analysis::columns())
    list.push_back({"column", column.name, column.meaning, {}, 0, nullptr});
  return list;
}

template <class T>
std::vector<Card> cards() {
  std::vector<Card> list;
  for (const auto& name : core::Registry<T>::names()) list.push_back(card(core::Registry<T>::find(name, "")));
  return list;
}

std::vector<Card> cards_of(const std::string& kind) {
  if (kind == "experiments") return cards<sweep::Experiment>();
  if (kind == "schemes") return cards<schemes::Scheme>();
  if (kind == "embeddings") return cards<geometry::Embedding>();
  if (kind == "instances") return cards<reduction::InstanceFamily>();
  if (kind == "metrics") return cards<simulator::Metric>();
  if (kind == "fields") return field_cards();
  throw std::logic_error("not a kind of plug-in: " + kind);
}

int print_list(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  flags.add_options()("json", "all that is known of each, as JSON")(
      "markdown", "the reference in docs/: of experiments, that of configs");
  po::variables_map values;
  if (!parse("list", list_usage, flags, "KIND", 1, arguments, values)) return 0;
  const std::string kind = required(values, "KIND", "list");
  require_choice("list", kind, {"experiments", "schemes", "embeddings", "instances", "metrics", "fields"});
  if (values.count("markdown") > 0) {
    if (values.count("json") > 0) throw core::UserError("list: --markdown or --json, not both");
    std::cout << reference_markdown(kind);
    return 0;
  }
  const auto list = cards_of(kind);
  if (values.count("json") > 0) {
    Json json = Json::array();
    for (const Card& entry : list) json.push_back(to_json(entry));
    std::cout << json.dump(1) << "\n";
    return 0;
  }
  for (const Card& entry : list) std::printf("%-16s %s\n", entry.name.c_str(), entry.summary.c_str());
  return 0;
}

void print(const core::Option& option) {
  const std::string preset = !option.default_value.is_null() ? option.default_value.dump()
                             : option.size                   ? "chosen by the budget"
                                                             : "none";
  std::printf("    %-16s %s; default %s%s\n                     %s\n", option.name.c_str(),
              option.allowed_text().c_str(), preset.c_str(), option.size ? " (size option)" : "",
              option.meaning.c_str());
}

void print(const Card& entry) {
  std::printf("%s (%s)\n  %-10s %s\n", entry.name.c_str(), entry.kind.c_str(), "summary", entry.summary.c_str());
  for (const auto& [name, text] : entry.facts) std::printf("  %-10s %s\n", name.c_str(), text.c_str());
  if (entry.options == nullptr || entry.options->options().empty()) return;
  std::printf("  options\n");
  for (const core::Option& option : entry.options->options()) print(option);
}

int describe(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  flags.add_options()("json", "as JSON");
  po::variables_map values;
  if (!parse("describe", describe_usage, flags, "NAME", 1, arguments, values)) return 0;
  const std::string name = required(values, "NAME", "describe");
  std::vector<std::string> names;
  bool found = false;
  for (const char* kind : {"experiments", "schemes", "embeddings", "instances", "metrics"}) {
    for (const Card& entry : cards_of(kind)) {
      names.push_back(entry.name);
      if (entry.name != name) continue;
      found = true;
      if (values.count("json") > 0) {
        std::cout << to_json(entry).dump(1) << "\n";
      } else {
        print(entry);
      }
    }
  }
  if (!found) {
    const std::string nearest = core::nearest_name(name, names);
    throw core::UserError("describe: nothing is called \"" + name + "\"" +
                          (nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?"));
  }
  return 0;
}

}  // namespace

Verb list_verb() {
  return {"list", list_usage, "what there is to choose from", print_list};
}
Verb describe_verb() {
  return {"describe", describe_usage, "options, paper and guarantee of a scheme, embedding, instance or experiment",
          describe};
}

}  // namespace kvfrontier::cli
