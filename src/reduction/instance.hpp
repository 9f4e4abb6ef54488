#pragma once
// The hard side of the reduction: what only Alice knows (bits, turned into value rows), what Bob asks, and the
// certificate that tells whether his answers decode at a given scaling.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/json.hpp"
#include "core/matrix.hpp"
#include "core/options.hpp"
#include "core/registry.hpp"
#include "core/rng.hpp"
#include "geometry/embedding.hpp"
#include "geometry/schedule.hpp"

namespace kvfrontier::reduction {

using core::Index;

// Everything an instance depends on but its trial: never the scheme, its options, rate, tau, eta or stopping, so that all
// schemes and budgets meet the same instances.
struct InstanceParams {
  std::string family = "index";
  core::Json options = core::Json::object();  // resolved options of the family
  geometry::Schedule schedule;
  Index d = 0;
  std::string embedding = "sphere";

  Index tokens() const { return schedule.tokens(); }
  const geometry::Embedding& keys() const { return geometry::Embeddings::find(embedding, "embedding"); }
  // Canonical text: the same for equal parameters. Keys are derived from it.
  std::string identity() const;
};

// The three independent keys of a trial.
struct Coins {
  core::RandomKey open, alice, bob;  // `open` is the public one
  static Coins derive(std::uint64_t seed, const InstanceParams& params, std::uint64_t trial);
};

class Instance {
 public:
  Instance(InstanceParams params, Coins coins) : params_(std::move(params)), coins_(coins) {}
  virtual ~Instance() = default;

  const InstanceParams& params() const { return params_; }
  const Coins& coins() const { return coins_; }

  // Rows first .. first + out.rows() - 1 of the stream; out.cols() == d. Functions of the coins, nothing is stored.
  virtual void keys(Index first, core::RowsOutF out) const;
  virtual void values(Index first, core::RowsOutF out) const = 0;

  // m: bits that Alice's input holds, each asked for with equal probability. 0 for families without bits.
  virtual std::uint64_t information_bits() const = 0;

  // Rows that Bob asks for: `count` draws with replacement.
  virtual std::vector<Index> queried_rows(Index count) const;

  // Queries of norm about `tau` whose outputs are compared with exact attention and not with bits: midpoints of two
  // random keys, and random directions. count x d.
  core::RowMatrixD mixture_queries(Index count, double tau) const;
  core::RowMatrixD random_queries(Index count, double tau) const;

 private:
  InstanceParams params_;
  Coins coins_;
};

class InstanceFamily {
 public:
  virtual ~InstanceFamily() = default;
  virtual std::string name() const = 0;
  virtual std::string summary() const = 0;
  virtual std::string source() const = 0;
  virtual const core::OptionTable& options() const = 0;
  // Keys are rows of the embedding under the public key, so `keys = public` is honest.
  virtual bool keys_are_public() const { return true; }
  virtual std::unique_ptr<Instance> make(const InstanceParams& params, const Coins& coins) const = 0;
};

using InstanceFamilies = core::Registry<InstanceFamily>;

std::unique_ptr<Instance> make_instance(const InstanceParams& params, const Coins& coins);

}  // namespace kvfrontier::reduction
