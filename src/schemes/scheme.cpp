#include "schemes/scheme.hpp"

#include "core/errors.hpp"

namespace kvfrontier::schemes {
namespace {

// The option `keys`, where a scheme has one; as text, for schemes in general.
std::string keys_text(const core::Options& options) {
  return options.to_json().value("keys", "");
}

}  // namespace

Fit Scheme::fit(const PublicParams& params, Bits budget_bits) const {
  const auto bits = message_bits(params);
  if (bits && *bits > budget_bits) return {std::nullopt, *bits};
  return {params.options, bits.value_or(0)};
}

void Scheme::check(const PublicParams& params, const std::string& path) const {
  if (!params.keys_are_public && keys_text(params.options) == core::enum_name(Keys::open)) {
    throw core::ConfigError(core::join_path(path, "keys"), "\"public\"",
                            "stored, because the keys of this instance are not a function of public coins");
  }
}

double Scheme::operations(const PublicParams& params, Index queries) const {
  const double rows = held_rows(params), d = params.d;
  return rows * d * (4.0 * queries + 200.0);
}

std::vector<std::string> self_contained_schemes() {
  std::vector<std::string> list;
  for (const std::string& name : Schemes::names()) {
    if (!Schemes::find(name, "scheme").options().has_required()) list.push_back(name);
  }
  return list;
}

bool Scheme::sends_keys(const core::Options& options) const {
  return keys_text(options) == core::enum_name(Keys::stored);
}

}  // namespace kvfrontier::schemes
