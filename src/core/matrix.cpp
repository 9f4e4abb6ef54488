#include "core/matrix.hpp"

namespace kvfrontier::core {
namespace {

// Eigen cuts products by the cache sizes it detects, and another cut gives other last bits. Fixed sizes make them a
// property of the binary and not of the machine.
struct FixedCacheSizes {
  FixedCacheSizes() { Eigen::setCpuCacheSizes(32 * 1024, 1024 * 1024, 4 * 1024 * 1024); }
};
const FixedCacheSizes fixed_cache_sizes;

}  // namespace
}  // namespace kvfrontier::core
