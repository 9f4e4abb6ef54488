#pragma once
// What Alice and Bob both know for free. Everything else a decoder needs is in the message.

#include <cstdint>
#include <optional>
#include <string>

#include "core/bits.hpp"
#include "core/members.hpp"
#include "core/rng.hpp"
#include "geometry/embedding.hpp"
#include "geometry/projection.hpp"
#include "geometry/schedule.hpp"

namespace kvfrontier::schemes {

using core::Index;

// Neither the config seed nor Alice's or Bob's coins are here, and no instance data but what the public coins generate.
struct PublicParams {
  geometry::Schedule schedule;
  Index d = 0;                                     // width of keys and of values
  std::string embedding;                           // family of the public keys
  bool keys_are_public = true;                     // the instance's keys are rows of `embedding` under `coins`
  std::optional<geometry::Projection> projection;  // K = X W_K and V = X W_V with these weights under `coins`
  double tau = 0;  // query scaling: Bob's queries have norm about tau. Not known to Scheme::fit.
  int chunk = 64;  // largest block of tokens
  std::string scheme;
  core::Options options;  // of the scheme, resolved: options.as<YourOptions>()
  std::optional<core::Bits> budget_bits;
  core::Coins coins;  // the public coins of this trial

  Index tokens() const { return schedule.tokens(); }  // N
  const geometry::Embedding& keys() const { return geometry::Embeddings::find(embedding, "embedding"); }

  // How they reach Bob, and how a dumped game holds them. from_json throws ConfigError for anything else, an unknown
  // scheme included.
  core::Json to_json() const;
  static PublicParams from_json(const core::Json& json);

  static core::MemberList<PublicParams> members();
};

}  // namespace kvfrontier::schemes
