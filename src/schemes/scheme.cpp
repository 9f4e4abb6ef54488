#include "schemes/scheme.hpp"

#include "core/errors.hpp"
#include "core/float_format.hpp"

namespace kvfrontier::schemes {

Fit Scheme::fit(const PublicParams& params, std::uint64_t budget_bits) const {
  const auto bits = message_bits(params);
  if (bits && *bits > budget_bits) return {std::nullopt, *bits};
  return {params.options, bits.value_or(0)};
}

core::Json Scheme::settled(const PublicParams& params, const std::string&) const {
  return params.options;
}

void Scheme::check(const PublicParams& params, const std::string& path) const {
  const auto keys = params.options.find("keys");
  if (keys != params.options.end() && *keys == "public" && !params.keys_are_public) {
    throw core::ConfigError(core::join_path(path, "keys"), "\"public\"",
                            "stored, because the keys of this instance are not a function of public coins");
  }
}

double Scheme::operations(const PublicParams& params, Index queries) const {
  const double rows = static_cast<double>(held_rows(params)), d = static_cast<double>(params.d);
  return rows * d * (4.0 * static_cast<double>(queries) + 200.0);
}

std::vector<std::string> self_contained_schemes() {
  std::vector<std::string> list;
  for (const std::string& name : Schemes::names()) {
    if (!Schemes::find(name, "scheme").options().has_required()) list.push_back(name);
  }
  return list;
}

core::Option keys_option() {
  return core::Option::choice(
      "keys", "stored", {"stored", "public"},
      "stored: the message carries the keys of kept tokens; public: keys are regenerated from the "
      "public coins and cost nothing");
}

core::Option format_option(const std::string& default_format) {
  return core::Option::choice("format", default_format, core::float_format_names(), "format of every stored float");
}

bool Scheme::sends_keys(const core::Json& options) const {
  return options.value("keys", "public") == "stored";
}

bool stores_keys(const PublicParams& params) {
  return params.options.at("keys") == "stored";
}

}  // namespace kvfrontier::schemes
