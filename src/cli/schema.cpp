// kvfrontier schema: a JSON schema of configs from the option tables, for editors that complete and check as one types.

#include <cmath>
#include <iostream>

#include "analysis/claim.hpp"
#include "cli/arguments.hpp"
#include "cli/verb_list.hpp"
#include "geometry/embedding.hpp"
#include "geometry/schedule.hpp"
#include "reduction/instance.hpp"
#include "schemes/scheme.hpp"
#include "simulator/game_point.hpp"
#include "sweep/experiment.hpp"
#include "sweep/stopping.hpp"

namespace kvfrontier::cli {
namespace {

using core::Json;
using core::Option;

constexpr const char* schema_usage = "schema";

Json any_of(std::initializer_list<Json> list) {
  return {{"anyOf", Json(list)}};
}

// One value of an option.
Json value_schema(const Option& option) {
  Json schema = Json::object();
  const auto add = [&](const char* key, Json value) { schema.push_back({key, std::move(value)}); };
  switch (option.type) {
    case Option::Type::structured:
      break;
    case Option::Type::boolean:
      add("type", "boolean");
      break;
    case Option::Type::text:
      add("type", "string");
      if (!option.choices.empty()) add("enum", option.choices);
      break;
    case Option::Type::integer:
    case Option::Type::real:
      add("type", option.type == Option::Type::integer ? "integer" : "number");
      if (std::isfinite(option.least)) add("minimum", option.least);
      if (std::isfinite(option.most) && option.most < 9e15) add("maximum", option.most);
      break;
  }
  return schema;
}

Json described(Json schema, const Option& option) {
  schema.push_back({"description", option.meaning + " (" + option.allowed_text() + ")"});
  if (!option.default_value.is_null()) schema.push_back({"default", option.default_value});
  return schema;
}

// A name, or an object with that name and the options of its table.
template <class T>
Json entry_schema() {
  Json objects = Json::array();
  for (const auto& name : core::Registry<T>::names()) {
    Json properties = {{"name", {{"const", name}}}};
    for (const Option& option : core::Registry<T>::find(name, "").options().options())
      properties[option.name] = described(value_schema(option), option);
    objects.push_back({{"type", "object"},
                       {"properties", std::move(properties)},
                       {"required", {"name"}},
                       {"additionalProperties", false}});
  }
  objects.push_back({{"type", "string"}, {"enum", core::Registry<T>::names()}});
  return {{"anyOf", std::move(objects)}};
}

Json axis_value(const Option& option) {
  using simulator::GameRequest;
  const auto is = [&](auto place) { return option.name == core::member_name(place); };
  if (is(&GameRequest::scheme)) return {{"$ref", "#/definitions/scheme"}};
  if (is(&GameRequest::instance)) return {{"$ref", "#/definitions/instance"}};
  if (is(&GameRequest::embedding)) return {{"enum", geometry::Embeddings::names()}};
  if (is(&GameRequest::schedule)) {
    const Json sides = {{"type", "object"},
                        {"properties", {{"sides", {{"type", "array"}, {"items", {{"type", "integer"}}}}}}},
                        {"required", {"sides"}},
                        {"additionalProperties", false}};
    return any_of({{{"enum", geometry::Schedule::names()}}, sides});
  }
  if (is(&GameRequest::tau))
    return any_of({{{"enum", {"certified", "typical", "union"}}}, {{"type", "number"}, {"minimum", 0}}});
  return value_schema(option);
}

// One value, a list of them, or a range of numbers.
Json axis_schema(const Option& option) {
  const Json value = axis_value(option);
  Json choices = {value, {{"type", "array"}, {"minItems", 1}, {"items", value}}};
  if (option.type == Option::Type::integer || option.type == Option::Type::real) {
    for (const char* range : {"geometric", "linear"}) {
      const Json three = {{"type", "array"}, {"items", {{"type", "number"}}}, {"minItems", 3}, {"maxItems", 3}};
      choices.push_back({{"type", "object"},
                         {"properties", {{range, three}}},
                         {"required", {range}},
                         {"additionalProperties", false}});
    }
  }
  return described({{"anyOf", std::move(choices)}}, option);
}

Json object_of(Json properties) {
  return {{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
}

Json config_schema() {
  Json stop = Json::object(), cases = Json::array();
  for (const Option& option : core::table_of<sweep::StopRule>().options())
    stop[option.name] = described(value_schema(option), option);
  Json axes_of = Json::object();
  for (const auto& name : sweep::Experiments::names()) {
    const auto& experiment = sweep::Experiments::find(name, "");
    // Claims bring their own configs; thirty more tables would bury the two that people write.
    if (analysis::find_claim(name) != nullptr) continue;
    Json axes = Json::object();
    for (const Option& option : experiment.options().options()) {
      axes_of[name][option.name] = axis_schema(option);
      axes[option.name] = {{"$ref", "#/definitions/axes/" + name + "/" + option.name}};
    }
    const Json grid = object_of(axes);
    Json properties = axes;
    properties.update({{"$schema", {{"type", "string"}}},
                       {"experiment", {{"const", name}}},
                       {"seed", {{"type", "integer"}, {"minimum", 0}, {"default", 1}}},
                       {"stop", object_of(stop)},
                       {"grid", any_of({grid, {{"type", "array"}, {"minItems", 1}, {"items", grid}}})}});
    cases.push_back(
        {{"if", {{"properties", {{"experiment", {{"const", name}}}}}}}, {"then", object_of(std::move(properties))}});
  }
  return {{"$schema", "http://json-schema.org/draft-07/schema#"},
          {"title", "kvfrontier config"},
          {"description", "Written by the binary: build/kvfrontier schema > configs/schema.json"},
          {"type", "object"},
          {"required", {"experiment"}},
          {"properties", {{"experiment", {{"enum", sweep::Experiments::names()}}}}},
          {"allOf", std::move(cases)},
          {"definitions",
           {{"axes", std::move(axes_of)},
            {"scheme", entry_schema<schemes::Scheme>()},
            {"instance", entry_schema<reduction::InstanceFamily>()}}}};
}

int print_schema(const std::vector<std::string>& arguments) {
  po::variables_map values;
  if (!parse("schema", schema_usage, po::options_description("flags"), "", 0, arguments, values)) return 0;
  std::cout << config_schema().dump(1) << "\n";
  return 0;
}

}  // namespace

Verb schema_verb() {
  return {"schema", schema_usage, "the JSON schema of configs (configs/schema.json), for editors", print_schema};
}

}  // namespace kvfrontier::cli
