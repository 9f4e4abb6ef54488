#include "core/rng.hpp"

#include <string>

#include "core/ids.hpp"

namespace kvfrontier::core {

RandomKey derive_key(std::uint64_t seed, std::string_view instance, std::uint64_t trial, std::string_view role) {
  std::string text = std::to_string(seed) + '/' + std::to_string(trial) + '/';
  text.append(role).append("/").append(instance);
  return {hash64(text)};
}

}  // namespace kvfrontier::core
