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
#include "geometry/projection.hpp"
#include "geometry/schedule.hpp"

namespace kvfrontier::reduction {

using core::Index;

// Everything an instance depends on but its trial: never the scheme, its options, rate, tau, eta or stopping, so that
// all schemes and budgets meet the same instances.
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
  std::uint64_t trial = 0;           // for families that alternate between cases
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

  // m: bits that Alice's input holds, each asked for with equal probability. 0 for families without a floor in bits.
  virtual std::uint64_t information_bits() const = 0;

  // b: an entry of a queried row is one of the 2^b levels {0, ..., 2^b - 1}/(2^b - 1), and Bob reads the level off his
  // answer (simulator/metrics.hpp). 0: entries are real numbers and nothing is read.
  virtual int value_bits() const { return 1; }

  // The leak below which every (1 +- eta) approximation reads right, whatever the values are. Not positive: there is
  // none.
  virtual double leak_threshold(double eta) const;

  // Rows whose confusion does no harm because they hold the same bits by construction: the class of each token, or
  // empty where every token is its own class. Never a function of the bits, since the scaling is public.
  virtual std::vector<Index> classes() const { return {}; }
  // At most this many tokens are of another class than any queried one: they make the leak.
  virtual Index competitors() const { return params_.tokens() - 1; }

  // Rows that Bob asks for: `count` draws with replacement, so that each of the m bits is equally likely.
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
  // Keys are rows of the embedding under the public key, so `keys = public` is honest, and the closed forms of the
  // embedding hold for them.
  virtual bool keys_are_public() const { return true; }
  // The public weights that keys and values are made with, where they are.
  virtual std::optional<geometry::Projection> projection(const InstanceParams&) const { return std::nullopt; }
  // Throws ConfigError at `path` when `params.options` do not suit the other parameters.
  virtual void check(const InstanceParams& params, const std::string& path) const;
  // Least mean squared error of any reconstruction at this many bits an entry; nullopt where none is proven but the one
  // that follows from the bits.
  virtual std::optional<double> mse_floor(double bits_per_entry) const;
  virtual std::unique_ptr<Instance> make(const InstanceParams& params, const Coins& coins) const = 0;
};

using InstanceFamilies = core::Registry<InstanceFamily>;

std::unique_ptr<Instance> make_instance(const InstanceParams& params, const Coins& coins);

}  // namespace kvfrontier::reduction
