#include "simulator/message.hpp"

#include <algorithm>
#include <string>

namespace kvfrontier::simulator {
namespace {

void require_equal(core::Bits length, core::Bits other, const std::string& other_name) {
  if (length == other) return;
  throw GameError("the message has " + std::to_string(length) + " bits, but " + other_name + " says " +
                  std::to_string(other));
}

// A family that makes such numbers is at fault, whatever the scheme would make of them.
void require_finite(const core::RowMatrixF& numbers, const std::string& what) {
  if (!numbers.allFinite()) throw GameError("the instance has " + what + " that are not finite");
}

}  // namespace

Message encode(const schemes::PublicParams& params, const reduction::Instance& instance) {
  const schemes::Scheme& scheme = schemes::Schemes::find(params.scheme, "scheme.name");
  const auto encoder = scheme.encoder(params);
  Message message;
  core::RowMatrixF keys, values;
  for (int map = 0; map < params.schedule.map_count(); ++map) {
    const core::Index end = params.schedule.first_token(map + 1);
    for (core::Index first = params.schedule.first_token(map); first < end; first += params.chunk) {
      const core::Index count = std::min<core::Index>(params.chunk, end - first);
      keys.resize(count, params.d);
      values.resize(count, params.d);
      instance.keys(first, keys);
      instance.values(first, values);
      require_finite(keys, "keys");
      require_finite(values, "values");
      encoder->absorb({map, first, keys, values});
      message.peak_state_bits = std::max(message.peak_state_bits, encoder->state_bits() + encoder->working_bits());
    }
  }
  core::BitWriter writer;
  encoder->write(writer);
  message.bits = writer.bits();
  message.ledger = writer.ledger();

  core::Bits booked = 0;
  for (const auto& [section, bits] : message.ledger) booked += bits;
  require_equal(message.bits.size, booked, "the sum of its ledger");
  require_equal(message.bits.size, encoder->state_bits(), "the encoder's state_bits()");
  if (const auto formula = scheme.message_bits(params)) require_equal(message.bits.size, *formula, "the size formula");
  return message;
}

}  // namespace kvfrontier::simulator
