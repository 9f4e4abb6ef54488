#include "schemes/codec/polar_code.hpp"

#include <algorithm>
#include <cassert>
#include <map>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "schemes/codec/polar_construction.hpp"

namespace kvfrontier::schemes {
namespace {

using Byte = std::uint8_t;

void add_to(Byte* __restrict sum, const Byte* __restrict term, Index count) {
  for (Index i = 0; i < count; ++i) sum[i] ^= term[i];
}

void transform(Byte* u, Index count, Index granule) {
  if (count == 1) return;
  const Index h = PolarCode::split(count, granule);
  transform(u, h, granule);
  transform(u + h, count - h, granule);
  add_to(u, u + h, h);
}

void transform_back(Byte* x, Index count, Index granule) {
  if (count == 1) return;
  const Index h = PolarCode::split(count, granule);
  add_to(x, x + h, h);
  transform_back(x, h, granule);
  transform_back(x + h, count - h, granule);
}

PolarCode construct(Index length, Index dimension) {
  std::vector<std::uint32_t> informed(length + 1, 0);
  if (dimension == length) {
    std::iota(informed.begin(), informed.end(), 0u);
  } else if (dimension > 0) {
    const std::vector<double> reliability = polar_reliability(length, dimension);
    std::vector<std::uint32_t> order(length);
    std::iota(order.begin(), order.end(), 0u);
    // Of equally reliable positions the later one wins, which has seen more.
    std::nth_element(order.begin(), order.begin() + dimension - 1, order.end(), [&](std::uint32_t i, std::uint32_t j) {
      return reliability[i] != reliability[j] ? reliability[i] > reliability[j] : i > j;
    });
    for (Index i = 0; i < dimension; ++i) informed[order[i] + 1] = 1;
    std::partial_sum(informed.begin(), informed.end(), informed.begin());
  }
  return PolarCode(length, std::move(informed));
}

}  // namespace

PolarCode::PolarCode(Index length, std::vector<std::uint32_t> informed)
    : length_(length), granule_(granule_of(length)), informed_(std::move(informed)) {
  assert(std::ssize(informed_) == length + 1);
}

std::vector<Byte> PolarCode::codeword(std::span<const Byte> information_bits) const {
  assert(std::ssize(information_bits) == dimension());
  std::vector<Byte> x(length_, 0);
  Index next = 0;
  for (Index i = 0; i < length_; ++i) {
    if (information(i, 1) != 0) x[i] = information_bits[next++];
  }
  transform(x.data(), length_, granule_);
  return x;
}

std::vector<Byte> PolarCode::information_bits(std::span<const Byte> codeword) const {
  std::vector<Byte> u(codeword.begin(), codeword.end());
  transform_back(u.data(), length_, granule_);
  Index next = 0;
  for (Index i = 0; i < length_; ++i) {
    if (information(i, 1) != 0) u[next++] = u[i];
  }
  u.resize(next);
  return u;
}

std::shared_ptr<const PolarCode> polar_code(Index length, Index dimension) {
  if (length < 1 || length / PolarCode::granule_of(length) > max_granules || dimension < 0 || dimension > length) {
    throw std::domain_error(
        "polar_code needs a length of at most 63 times a power of two, and 0 <= dimension <= length");
  }
  // A sweep asks for few codes, each thousands of times; the limit only bounds the memory of a long session.
  constexpr std::size_t most_remembered = 256;
  static std::mutex mutex;
  static std::map<std::pair<Index, Index>, std::shared_ptr<const PolarCode>> remembered;
  const std::pair key{length, dimension};
  {
    const std::lock_guard lock(mutex);
    if (const auto found = remembered.find(key); found != remembered.end()) return found->second;
  }
  auto code = std::make_shared<const PolarCode>(construct(length, dimension));
  const std::lock_guard lock(mutex);
  if (remembered.size() >= most_remembered) remembered.clear();
  return remembered.emplace(key, std::move(code)).first->second;
}

}  // namespace kvfrontier::schemes
