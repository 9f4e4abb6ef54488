#pragma once
// Polar codes of almost any length: which positions of u carry information, and the transform from u to a codeword.
//
// A code of length n = t 2^a, t odd, is cut into t granules of 2^a positions. A node of more than one granule splits as
// evenly as granules allow, the smaller part first; a granule splits into halves. With (u', v) = the two parts of u,
// each already transformed, the codeword is (u' + v[0..h), v), h = |u'|: for t = 1 this is Arikan's transform. The last
// |v| - h <= 2^a positions of v go to the codeword unpaired, which costs less than a tenth of what polarisation still
// lacks (measured, tests/schemes/codec/polar.cpp), so that blocks need not have a length 2^k.
//
// Arikan, Channel polarization, IEEE Trans. Inf. Theory 55 (2009); Korada and Urbanke, Polar codes are optimal for
// lossy source coding, IEEE Trans. Inf. Theory 56 (2010).

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/matrix.hpp"

namespace kvfrontier::schemes {

using core::Index;

// The largest odd part t of a length; density evolution follows each granule separately.
inline constexpr Index max_granules = 63;

class PolarCode {
 public:
  // `informed`: length + 1 prefix counts of information positions.
  PolarCode(Index length, std::vector<std::uint32_t> informed);

  Index length() const { return length_; }
  Index dimension() const { return informed_.back(); }  // information bits
  // Information positions among u[first .. first + count).
  Index information(Index first, Index count) const { return informed_[first + count] - informed_[first]; }
  // Length of the first part of a node of `count` > 1 positions.
  Index split(Index count) const { return split(count, granule_); }
  static Index split(Index count, Index granule) { return count > granule ? count / granule / 2 * granule : count / 2; }
  static Index granule_of(Index length) { return length & -length; }

  // The codeword (length() bits) of dimension() information bits, with 0 at frozen positions. Bits are bytes 0 or 1.
  std::vector<std::uint8_t> codeword(std::span<const std::uint8_t> information_bits) const;
  // The information bits of a codeword. Ignores frozen positions, so it inverts codeword() on codewords only.
  std::vector<std::uint8_t> information_bits(std::span<const std::uint8_t> codeword) const;

 private:
  Index length_, granule_;
  std::vector<std::uint32_t> informed_;
};

// The code of `dimension` information bits (0 .. length) for a fair-bit source at the distortion D with
// 1 - H2(D) = dimension / length: the positions that density evolution for BSC(D) finds most reliable. A function of
// the two numbers alone, so that Alice and Bob build the same one. Takes about 10 ms at length 2^16; the process then
// remembers the code. Throws std::domain_error unless length is at most max_granules times a power of two and
// 0 <= dimension <= length.
std::shared_ptr<const PolarCode> polar_code(Index length, Index dimension);

}  // namespace kvfrontier::schemes
