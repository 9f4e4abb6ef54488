#pragma once
// What Alice and Bob both know for free. Everything else a decoder needs is in the message.

#include <cstdint>
#include <optional>
#include <string>

#include "core/json.hpp"
#include "core/rng.hpp"
#include "geometry/embedding.hpp"
#include "geometry/projection.hpp"
#include "geometry/schedule.hpp"

namespace kvfrontier::schemes {

using core::Index;

// Neither the config seed nor Alice's or Bob's key is here, and no instance data but what the public key generates.
struct PublicParams {
  geometry::Schedule schedule;
  Index d = 0;                                     // width of keys and of values
  std::string embedding;                           // family of the public keys
  bool keys_are_public = true;                     // the instance's keys are rows of `embedding` under `key`
  std::optional<geometry::Projection> projection;  // K = X W_K and V = X W_V with these weights under `key`
  double tau = 0;  // query scaling: Bob's queries have norm about tau. Not known to Scheme::fit.
  int chunk = 64;  // largest block of tokens
  std::string scheme;
  core::Json options;  // resolved options of the scheme
  std::optional<std::uint64_t> budget_bits;
  core::RandomKey key;  // the public coins of this trial

  Index tokens() const { return schedule.tokens(); }  // N
  const geometry::Embedding& keys() const { return geometry::Embeddings::find(embedding, "embedding"); }

  core::Json to_json() const;
  // Throws ConfigError or nlohmann's exception on a malformed object.
  static PublicParams from_json(const core::Json& json);
};

}  // namespace kvfrontier::schemes
