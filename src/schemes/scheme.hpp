#pragma once
// The plug point for compression schemes. A scheme is one file: an encoder that streams over Alice's tokens and writes
// a bit string, and a decoder that answers queries from that string and the public parameters alone.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/bits.hpp"
#include "core/float_format.hpp"
#include "core/matrix.hpp"
#include "core/members.hpp"
#include "core/registry.hpp"
#include "schemes/public_params.hpp"

namespace kvfrontier::schemes {

using core::Bits;

// A read-only view of consecutive tokens of one map, at most PublicParams::chunk of them. Token `first + i` sits at
// PublicParams::schedule.position(first + i).
struct TokenBlock {
  int map = 0;             // the map, counted from 0
  Index first = 0;         // its first token, counted over all maps
  core::RowsViewF keys;    // count x d
  core::RowsViewF values;  // count x d
  Index count() const { return keys.rows(); }
};

// Alice's side of one game. The game makes one encoder, calls absorb() for every block and then write(), all on one
// thread; encoders of other games run at the same time on other threads, so an encoder shares nothing that changes.
class Encoder {
 public:
  virtual ~Encoder() = default;

  // Takes the next tokens. Blocks come in token order, map by map, without gaps or repetitions, each within one map and
  // of at least one token: N tokens in all. The views are valid during the call only; copy what you keep. The message
  // must not depend on where blocks end. An exception ends the trial, which is recorded as failed with its text.
  virtual void absorb(const TokenBlock& block) = 0;

  // Length in bits of what write() would write now. May be asked before the first block and after every one. O(1).
  virtual Bits state_bits() const = 0;

  // Bits of streaming memory beyond the message: scores, unfinished buffers, counters. O(1).
  virtual Bits working_bits() const { return 0; }

  // Writes the message of the tokens so far, every bit under a section of the ledger. The game calls it after the last
  // block; it may be called again and writes the same bits.
  virtual void write(core::BitWriter& writer) const = 0;
};

// Bob's side of one game, in a process of his own.
class Decoder {
 public:
  virtual ~Decoder() = default;

  // queries: nq x d, scaling included. Returns nq x d attention outputs, all finite. May be called more than once, and
  // answers do not depend on earlier calls. Throws core::DataError when the message turns out not to be one.
  virtual core::RowMatrixD attend(core::RowsViewD queries) const = 0;
};

// What `fit` found for a budget: options whose message has at most that many bits, or nothing and the least possible.
struct Fit {
  std::optional<core::Options> options;
  Bits least_bits = 0;
};

// The seam for schemes whose encoder and decoder are programs outside this one: what such a scheme can say about a game
// only by asking them.
class OutsidePrograms {
 public:
  virtual ~OutsidePrograms() = default;

  // params.options with what lies outside the config filled in: the digest of the programs' files, and the length that
  // the encoder names for itself where there is no budget. Asked once when a config is resolved. Throws ConfigError at
  // `path` for a program or file that is not there.
  virtual core::Options settled(const PublicParams& params, const std::string& path) const = 0;

  // Why the encoder could not tell the length of its message for params.budget_bits; empty where it did. The trials of
  // such a point are failed records.
  virtual std::string failure(const PublicParams& params) const = 0;
};

// One compression scheme: its name, its options and the makers of both parties. Schemes hold no state that changes
// between games; every function may be called from several threads at once.
class Scheme {
 public:
  virtual ~Scheme() = default;
  virtual std::string name() const = 0;     // as configs write it: lower case, digits, underscores
  virtual std::string summary() const = 0;  // one line
  // Parts that replace something learned, or something that the stream does not hold; one line, or "none".
  virtual std::string surrogates() const { return "none"; }
  virtual std::string paper() const = 0;      // reference, or "-"
  virtual std::string guarantee() const = 0;  // what is proven of it, with the theorem, or "none"
  virtual int version() const { return 1; }   // raise it when the same options give another message; part of point ids

  // core::table_of<YourOptions>(). params.options.as<YourOptions>() are the options of a game.
  virtual const core::OptionTable& options() const = 0;

  // Does a message with these options hold keys? The floor counts values only, so bits/floor then overstates the loss
  // of the code. The default reads the option `keys`, and says no where there is none.
  virtual bool sends_keys(const core::Options& options) const;

  // A message has fixed length when its length is a function of the public parameters alone; otherwise it must be
  // self-delimiting.
  virtual bool fixed_length() const { return true; }

  // The size formula: length in bits of the message for params.options after all N tokens (N may be 0). nullopt unless
  // fixed_length().
  virtual std::optional<Bits> message_bits(const PublicParams& params) const = 0;

  // Fills the size options of params.options (null where no user gave them) for a budget of at least 0 bits. Must not
  // read params.tau or params.coins. The default serves schemes without size options.
  virtual Fit fit(const PublicParams& params, Bits budget_bits) const;

  // Of a scheme that consists of programs outside this one; nullptr for all others.
  virtual const OutsidePrograms* outside() const { return nullptr; }

  // Throws ConfigError at `path` when these options cannot be used with these parameters.
  virtual void check(const PublicParams& params, const std::string& path) const;

  // A fresh encoder and a fresh decoder for one game. `params` outlives neither: copy what you keep.
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

// Where the decoder's keys come from. Every scheme that can do without sending keys has the option `keys`.
enum class Keys { stored, open };

// The members `keys` and `format` of a scheme's options.
template <class T>
core::Member<T> keys_member(Keys T::*place) {
  return core::member("keys", place,
                      "stored: the message carries the keys of kept tokens; public: keys are regenerated from the "
                      "public coins and cost nothing");
}
template <class T>
core::Member<T> format_member(core::FloatFormat T::*place) {
  return core::member("format", place, "format of every stored float");
}

}  // namespace kvfrontier::schemes

template <>
struct kvfrontier::core::EnumNames<kvfrontier::schemes::Keys> {
  static constexpr std::array names{"stored", "public"};
};
