#include "schemes/public_params.hpp"

#include "schemes/scheme.hpp"

namespace kvfrontier::schemes {
namespace {

core::Option structured(const std::string& name, const std::string& allowed) {
  core::Option option;
  option.name = name;
  option.type = core::Option::Type::structured;
  option.allowed = allowed;
  option.required = true;
  return option;
}

// The options, read by the table of the scheme that the members before them name.
core::Member<PublicParams> options_member() {
  return {structured("options", "an object"), [](const PublicParams& params) { return params.options.to_json(); },
          [](PublicParams& params, const core::Json& json, const std::string& path) {
            params.options = Schemes::find(params.scheme, "scheme").options().stored(json, path);
          }};
}

// All 64 bits count, so it is no number with a range.
core::Member<PublicParams> coins_member() {
  return {structured("coins", "an unsigned integer"),
          [](const PublicParams& params) -> core::Json { return params.coins.value; },
          [](PublicParams& params, const core::Json& json, const std::string& path) {
            if (!json.is_number_integer()) throw core::ConfigError(path, core::describe(json), "an unsigned integer");
            params.coins.value = json.get<std::uint64_t>();
          }};
}

}  // namespace

core::MemberList<PublicParams> PublicParams::members() {
  using core::member;
  return {member("schedule", &PublicParams::schedule, "sides of the token maps").needed(),
          member("d", &PublicParams::d, "width of keys and of values").needed(),
          member("embedding", &PublicParams::embedding, "family of the public keys").needed(),
          member("keys_are_public", &PublicParams::keys_are_public, "keys are rows of the embedding").needed(),
          member("projection", &PublicParams::projection, "weights of keys and values"),
          member("tau", &PublicParams::tau, "query scaling").needed(),
          member("chunk", &PublicParams::chunk, "largest block of tokens").needed(),
          member("scheme", &PublicParams::scheme, "name of the scheme").needed(),
          options_member(),
          member("budget_bits", &PublicParams::budget_bits, "budget in bits, where there is one"),
          coins_member()};
}

core::Json PublicParams::to_json() const {
  return core::to_json(*this);
}

PublicParams PublicParams::from_json(const core::Json& json) {
  return core::from_json<PublicParams>(json, "");
}

}  // namespace kvfrontier::schemes
