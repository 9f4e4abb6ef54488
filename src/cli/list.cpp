// kvfrontier list and describe: what there is, from the tables of the plug-ins.

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <stdexcept>

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

constexpr const char* list_usage = "list experiments|schemes|embeddings|instances [--json] [--markdown]";
constexpr const char* describe_usage = "describe NAME [--json]";

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

Json card(const sweep::Experiment& e) {
  return {{"kind", "experiment"}, {"name", e.name()},       {"summary", e.statement()},
          {"source", e.source()}, {"version", e.version()}, {"options", options_json(e.options())}};
}
Json card(const schemes::Scheme& s) {
  return {{"kind", "scheme"},
          {"name", s.name()},
          {"summary", s.summary()},
          {"surrogates", s.surrogates()},
          {"paper", s.paper()},
          {"guarantee", s.guarantee()},
          {"version", s.version()},
          {"length", s.fixed_length() ? "fixed" : "self-delimiting"},
          {"options", options_json(s.options())}};
}
Json card(const geometry::Embedding& e) {
  return {
      {"kind", "embedding"}, {"name", e.name()}, {"summary", e.summary()}, {"source", e.source()}, {"law", e.law()}};
}
Json card(const reduction::InstanceFamily& f) {
  return {{"kind", "instance"},
          {"name", f.name()},
          {"summary", f.summary()},
          {"source", f.source()},
          {"options", options_json(f.options())}};
}

template <class T>
std::vector<Json> cards() {
  std::vector<Json> list;
  for (const auto& name : core::Registry<T>::names()) list.push_back(card(core::Registry<T>::find(name, "")));
  return list;
}

std::vector<Json> cards_of(const std::string& kind) {
  if (kind == "experiments") return cards<sweep::Experiment>();
  if (kind == "schemes") return cards<schemes::Scheme>();
  if (kind == "embeddings") return cards<geometry::Embedding>();
  if (kind == "instances") return cards<reduction::InstanceFamily>();
  throw std::logic_error("not a kind of plug-in: " + kind);
}

int print_list(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  flags.add_options()("json", "full records as JSON")("markdown",
                                                      "the reference in docs/: of experiments, that of configs");
  po::variables_map values;
  if (!parse("list", list_usage, flags, "KIND", 1, arguments, values)) return 0;
  const std::string kind = required(values, "KIND", "list");
  require_choice("list", kind, {"experiments", "schemes", "embeddings", "instances"});
  if (values.count("markdown") > 0) {
    if (values.count("json") > 0) throw core::UserError("list: --markdown or --json, not both");
    std::cout << reference_markdown(kind);
    return 0;
  }
  const auto list = cards_of(kind);
  if (values.count("json") > 0) {
    std::cout << Json(list).dump(1) << "\n";
    return 0;
  }
  for (const Json& entry : list)
    std::printf("%-16s %s\n", entry["name"].get<std::string>().c_str(), entry["summary"].get<std::string>().c_str());
  return 0;
}

void print_card(const Json& entry) {
  std::printf("%s (%s)\n", entry["name"].get<std::string>().c_str(), entry["kind"].get<std::string>().c_str());
  for (const char* key : {"summary", "surrogates", "paper", "source", "guarantee", "law", "length"}) {
    if (entry.contains(key)) std::printf("  %-10s %s\n", key, entry[key].get<std::string>().c_str());
  }
  if (!entry.contains("options") || entry["options"].empty()) return;
  std::printf("  options\n");
  for (const Json& option : entry["options"]) {
    std::printf("    %-16s %s; default %s%s\n                     %s\n", option["name"].get<std::string>().c_str(),
                option["allowed"].get<std::string>().c_str(),
                option["default"].is_null() ? (option["size"].get<bool>() ? "chosen by the budget" : "none")
                                            : option["default"].dump().c_str(),
                option["size"].get<bool>() ? " (size option)" : "", option["meaning"].get<std::string>().c_str());
  }
}

int describe(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  flags.add_options()("json", "as JSON");
  po::variables_map values;
  if (!parse("describe", describe_usage, flags, "NAME", 1, arguments, values)) return 0;
  const std::string name = required(values, "NAME", "describe");
  std::vector<std::string> names;
  bool found = false;
  for (const char* kind : {"experiments", "schemes", "embeddings", "instances"}) {
    for (const Json& entry : cards_of(kind)) {
      names.push_back(entry["name"]);
      if (entry["name"] != name) continue;
      found = true;
      if (values.count("json") > 0) {
        std::cout << entry.dump(1) << "\n";
      } else {
        print_card(entry);
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
