#pragma once
// GF(2^m) for odd m, and sign patterns of forms over it. A field element is the integer whose bits are the coefficients
// of its polynomial.

#include <cassert>
#include <cstdint>

#include "geometry/signs.hpp"

namespace kvfrontier::geometry {

// GF(2^degree), degree odd and at most 13.
class BinaryField {
 public:
  explicit BinaryField(int degree) : degree_(degree) {
    assert(degree % 2 == 1 && degree >= 1 && degree <= 13);
    // Irreducible polynomials of degrees 1, 3, 5, 7, 9, 11, 13.
    static constexpr std::uint32_t moduli[] = {0b11,         0b1011,         0b100101,        0b10000011,
                                               0b1000010001, 0b100000000101, 0b10000000011011};
    modulus_ = moduli[degree / 2];
  }

  std::uint32_t multiply(std::uint32_t u, std::uint32_t v) const {
    std::uint32_t product = 0;
    for (; v != 0; v >>= 1) {
      if (v & 1) product ^= u;
      u <<= 1;
      if (u >> degree_ & 1) u ^= modulus_;
    }
    return product;
  }

  // To F_2.
  std::uint32_t trace(std::uint32_t u) const {
    std::uint32_t sum = 0;
    for (int i = 0; i < degree_; ++i, u = multiply(u, u)) sum ^= u;
    return sum;
  }

 private:
  int degree_;
  std::uint32_t modulus_;
};

// signs[y] = (-1)^{<mask, y>} as a sign bit, for y < 2^bits.
inline void write_linear_form(std::uint32_t mask, int bits, std::uint32_t* signs) {
  signs[0] = 0;
  for (int b = 0; b < bits; ++b) {
    const std::uint32_t flip = (mask >> b & 1) * minus_sign;
    const std::uint32_t size = std::uint32_t{1} << b;
    for (std::uint32_t y = 0; y < size; ++y) signs[y + size] = signs[y] ^ flip;
  }
}

}  // namespace kvfrontier::geometry
