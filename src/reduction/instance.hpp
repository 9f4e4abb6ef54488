#pragma once
// The hard side of the reduction: what only Alice knows (bits, turned into value rows) and what Bob asks for.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/bits.hpp"
#include "core/matrix.hpp"
#include "core/members.hpp"
#include "core/registry.hpp"
#include "core/rng.hpp"
#include "geometry/embedding.hpp"
#include "geometry/projection.hpp"
#include "geometry/schedule.hpp"

namespace kvfrontier::reduction {

using core::Index;

// Everything an instance depends on except seed and trial: never the scheme, its options, rate, tau, eta or stopping, so all
// schemes and budgets meet the same instances.
struct InstanceParams {
  std::string family = "index";
  core::Options options;  // of the family, resolved: options.as<YourOptions>()
  geometry::Schedule schedule;
  Index d = 0;
  std::string embedding = "sphere";

  Index tokens() const { return schedule.tokens(); }
  const geometry::Embedding& keys() const { return geometry::Embeddings::find(embedding, "embedding"); }
  // Canonical text, the same for equal parameters. The coins of the trials are derived from it.
  std::string identity() const;
};

// The three independent coins of a trial.
struct TrialCoins {
  core::Coins open, alice, bob;  // `open` are the public coins
  std::uint64_t trial = 0;       // for families that alternate between cases
  static TrialCoins derive(std::uint64_t seed, const InstanceParams& params, std::uint64_t trial);
};

// What Alice holds in one trial. A function of its parameters and coins, used by one thread at a time.
class Instance {
 public:
  Instance(InstanceParams params, TrialCoins coins) : params_(std::move(params)), coins_(coins) {}
  virtual ~Instance() = default;

  const InstanceParams& params() const { return params_; }
  const TrialCoins& coins() const { return coins_; }

  // Rows first .. first + out.rows() - 1 of the stream; out.cols() == d. Every row is a function of the coins and its
  // index; nothing is stored.
  virtual void keys(Index first, core::RowsOutF out) const;
  virtual void values(Index first, core::RowsOutF out) const = 0;

  // m: number of bits in Alice's input, each asked for with equal probability. 0 for families without a floor in bits.
  virtual core::Bits information_bits() const = 0;

  // b: an entry of a queried row is one of the 2^b levels {0, ..., 2^b - 1}/(2^b - 1), and Bob reads the level off his
  // answer. 0: entries are real numbers and nothing is read.
  virtual int value_bits() const { return 1; }

  // The leak below which Bob reads every bit correctly from any (1 +- eta) approximation, whatever the values are. Zero
  // or negative when there is none.
  virtual double leak_threshold(double eta) const;

  // The class of each token: confusing rows of one class does no harm, because they hold the same bits by construction.
  // Empty when every token is its own class. Never a function of the bits, since the scaling is public.
  virtual std::vector<Index> classes() const { return {}; }
  // The largest number of tokens outside the class of a queried token. They cause the leak.
  virtual Index competitors() const { return params_.tokens() - 1; }

  // Rows that Bob asks for: `count` draws with replacement, so that each of the m bits is equally likely.
  virtual std::vector<Index> queried_rows(Index count) const;

  // count x d queries of norm about `tau` whose outputs are compared with exact attention and not with bits: midpoints
  // of two random keys, and random directions.
  core::RowMatrixD mixture_queries(Index count, double tau) const;
  core::RowMatrixD random_queries(Index count, double tau) const;

 private:
  InstanceParams params_;
  TrialCoins coins_;
};

// Which proven floor holds for the mean squared error of a reconstruction of the values.
enum class DistortionFloor { none, gaussian };

// Least mean squared error of any message of so many bits an entry (>= 0); nullopt where no floor is proven.
std::optional<double> mse_floor(DistortionFloor floor, double bits_per_entry);

// The plug point for instance families. Families hold no state; every function may be called from several threads at
// once.
class InstanceFamily {
 public:
  virtual ~InstanceFamily() = default;
  virtual std::string name() const = 0;     // as configs write it
  virtual std::string summary() const = 0;  // one line
  virtual std::string source() const = 0;   // where the family comes from
  // core::table_of<YourOptions>(), or of core::NoOptions.
  virtual const core::OptionTable& options() const = 0;
  // Are keys the rows of the embedding under the public coins? Then `keys = public` is honest, and the closed forms of
  // the embedding hold for them.
  virtual bool keys_are_public() const { return true; }
  // The public weights that keys and values are made with, if there are any.
  virtual std::optional<geometry::Projection> projection(const InstanceParams&) const { return std::nullopt; }
  // Throws ConfigError at `path` when `params.options` do not suit the other parameters.
  virtual void check(const InstanceParams& params, const std::string& path) const;
  // The floor that is proven for the squared error of this family's values, besides the one that follows from its bits.
  virtual DistortionFloor distortion_floor() const { return DistortionFloor::none; }
  // The instance of one trial. params.options are resolved and have passed check().
  virtual std::unique_ptr<Instance> make(const InstanceParams& params, const TrialCoins& coins) const = 0;
};

using InstanceFamilies = core::Registry<InstanceFamily>;

// The instance of the family that `params` names. Throws ConfigError for an unknown family.
std::unique_ptr<Instance> make_instance(const InstanceParams& params, const TrialCoins& coins);

}  // namespace kvfrontier::reduction

template <>
struct kvfrontier::core::EnumNames<kvfrontier::reduction::DistortionFloor> {
  static constexpr std::array names{"none", "gaussian"};
};
