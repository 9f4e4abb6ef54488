#pragma once
// The plug point for compression schemes. A scheme is one file: an encoder that streams over Alice's tokens and writes
// a bit string, and a decoder that answers queries from that string and the public parameters alone.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/bits.hpp"
#include "core/matrix.hpp"
#include "core/options.hpp"
#include "core/registry.hpp"
#include "schemes/public_params.hpp"

namespace kvfrontier::schemes {

// A read-only view of consecutive tokens of one scale, at most PublicParams::chunk of them. Token `first + i` stands at
// PublicParams::schedule.position(first + i).
struct TokenBlock {
  int scale = 0;
  Index first = 0;
  core::RowsViewF keys;    // count x d
  core::RowsViewF values;  // count x d
  Index count() const { return keys.rows(); }
};

class Encoder {
 public:
  virtual ~Encoder() = default;
  virtual void absorb(const TokenBlock& block) = 0;

  // Length in bits of what write() would write now. O(1).
  virtual std::uint64_t state_bits() const = 0;

  // Bits of streaming memory beyond the message: scores, unfinished buffers, counters. O(1).
  virtual std::uint64_t working_bits() const { return 0; }

  // Writes the message, every bit under a section of the ledger.
  virtual void write(core::BitWriter& writer) const = 0;
};

class Decoder {
 public:
  virtual ~Decoder() = default;

  // queries: nq x d, scaling included. Returns nq x d attention outputs.
  virtual core::RowMatrixD attend(core::RowsViewD queries) const = 0;
};

// What `fit` found for a budget: options whose message has at most that many bits, or nothing and the least possible.
struct Fit {
  std::optional<core::Json> options;
  std::uint64_t least_bits = 0;
  std::string failure{};  // neither: why the scheme could not tell; the point's trials are failed rows
};

class Scheme {
 public:
  virtual ~Scheme() = default;
  virtual std::string name() const = 0;
  virtual std::string summary() const = 0;  // one line
  // Parts that stand in for something learned, or for what the stream does not hold; one line.
  virtual std::string surrogates() const { return "none"; }
  virtual std::string paper() const = 0;      // reference, or "-"
  virtual std::string guarantee() const = 0;  // what is proven of it, with the theorem, or "none"
  virtual int version() const { return 1; }   // raised when the same options give another message; part of point ids
  virtual const core::OptionTable& options() const = 0;

  // Does a message with these options hold keys? The floor counts values only, so its gap is then none of the code.
  virtual bool sends_keys(const core::Json& options) const;

  // A message has fixed length when its length is a function of the public parameters alone; otherwise it must be
  // self-delimiting.
  virtual bool fixed_length() const { return true; }

  // The size formula: length of the message for params.options after all N tokens. nullopt unless fixed_length().
  virtual std::optional<std::uint64_t> message_bits(const PublicParams& params) const = 0;

  // Fills the size options of params.options (left null by the user) for a budget. Must not read params.tau or
  // params.key. The default serves schemes without size options.
  virtual Fit fit(const PublicParams& params, std::uint64_t budget_bits) const;

  // params.options with what lies outside the config put in (the digest of a file, a length that is not the budget's):
  // asked once when a config is resolved, before fit(). Same limits as fit(). Throws ConfigError at `path`.
  virtual core::Json settled(const PublicParams& params, const std::string& path) const;

  // Has an entry without a size option and without a `rate` a length of its own? Then settled() fills it in.
  virtual bool has_own_size() const { return false; }

  // Throws ConfigError at `path` when these options cannot be used with these parameters.
  virtual void check(const PublicParams& params, const std::string& path) const;

  virtual std::unique_ptr<Encoder> encoder(const PublicParams& params) const = 0;
  // Throws core::DataError when the bits cannot be a message of this scheme.
  virtual std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const = 0;

  // Declared cost of one game in floating-point operations, for sharding and estimates; never for results.
  virtual double operations(const PublicParams& params, Index queries) const;

  // Rows of keys and values that Alice or Bob holds at one time, for the estimate of memory. Default: all N.
  virtual Index held_rows(const PublicParams& params) const { return params.tokens(); }

  // Bytes of workspace that either party takes while it works on a block, beyond those rows, for the same estimate.
  virtual double workspace_bytes(const PublicParams&) const { return 0; }
};

using Schemes = core::Registry<Scheme>;

// Names of the schemes that can be had by name alone: all but those with options that the user must give.
std::vector<std::string> self_contained_schemes();

// `keys`: where the decoder's keys come from. Shared by every scheme that can do without sending keys.
core::Option keys_option();
// `format` of stored floats.
core::Option format_option(const std::string& default_format = "fp16");
bool stores_keys(const PublicParams& params);

}  // namespace kvfrontier::schemes
