// What an instance must not hand to an encoder.

#include "simulator/message.hpp"

#include <limits>

#include "../support/catch.hpp"
#include "../support/game.hpp"

namespace kvfrontier::tests::message {

TEST_CASE("numbers that are not finite are refused at the encoder, whatever the scheme would make of them",
          "[message]") {
  const Index tokens = sides({1, 2, 4}).tokens(), d = 8;
  const auto encoded = [&](const std::string& scheme, float key, float value) {
    core::RowMatrixF keys = core::RowMatrixF::Zero(tokens, d), values = keys;
    keys(tokens - 1, d - 1) = key;
    values(tokens - 1, d - 1) = value;
    const auto instance = given_instance(sides({1, 2, 4}), keys, values);
    return simulator::encode(params_of(instance, scheme, Json::object(), 5), instance).bits.size;
  };
  for (const char* scheme : {"exact", "bitpack"}) {
    CHECK(encoded(scheme, 0, 0) > 0);
    for (const float odd : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      CAPTURE(scheme, odd);
      CHECK_THROWS_WITH(encoded(scheme, 0, odd), "the instance has values that are not finite");
      CHECK_THROWS_WITH(encoded(scheme, odd, 0), "the instance has keys that are not finite");
    }
  }
}

}  // namespace kvfrontier::tests::message
