#include "schemes/public_params.hpp"

namespace kvfrontier::schemes {

core::Json PublicParams::to_json() const {
  return {{"schedule", schedule.name()},
          {"sides", schedule.sides()},
          {"d", d},
          {"embedding", embedding},
          {"keys_are_public", keys_are_public},
          {"projection",
           projection ? core::Json{{"width", projection->width}, {"decay", projection->decay}} : core::Json()},
          {"tau", tau},
          {"chunk", chunk},
          {"scheme", scheme},
          {"options", options},
          {"budget_bits", budget_bits ? core::Json(*budget_bits) : core::Json()},
          {"key", key.value}};
}

PublicParams PublicParams::from_json(const core::Json& json) {
  PublicParams params;
  params.schedule =
      geometry::Schedule(json.at("schedule").get<std::string>(), json.at("sides").get<std::vector<int>>());
  params.d = json.at("d").get<Index>();
  params.embedding = json.at("embedding").get<std::string>();
  params.keys_are_public = json.at("keys_are_public").get<bool>();
  if (const core::Json& projection = json.at("projection"); !projection.is_null())
    params.projection = {projection.at("width").get<Index>(), projection.at("decay").get<double>()};
  params.tau = json.at("tau").get<double>();
  params.chunk = json.at("chunk").get<int>();
  params.scheme = json.at("scheme").get<std::string>();
  params.options = json.at("options");
  if (!json.at("budget_bits").is_null()) params.budget_bits = json.at("budget_bits").get<std::uint64_t>();
  params.key = {json.at("key").get<std::uint64_t>()};
  return params;
}

}  // namespace kvfrontier::schemes
