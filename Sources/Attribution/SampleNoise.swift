internal import Foundation
package import Tensors

/// Random numbers that belong to one sample and purpose, whatever else is evaluated beside it.
package struct SampleNoise {
  /// The generator.
  package var generator: SplitMix64

  /// - Parameters:
  ///   - seed: the seed of the run.
  ///   - digest: the digest of the sample, in hexadecimal.
  ///   - purpose: what the numbers are for.
  package init(seed: UInt64, digest: String, purpose: String) {
    var mixed = seed
    for byte in (digest + purpose).utf8 {
      var step = SplitMix64(seed: mixed ^ UInt64(byte))
      mixed = step.next()
    }
    generator = SplitMix64(seed: mixed)
  }

  /// A number between 0 and 1.
  package mutating func uniform() -> Double { Double.random(in: 0..<1, using: &generator) }

  /// A number of the standard normal distribution, by Box and Muller's transform.
  package mutating func normal() -> Double {
    let radius = (-2 * log(1 - uniform())).squareRoot()
    return radius * cos(2 * .pi * uniform())
  }

  /// A whole number below `bound`.
  package mutating func below(_ bound: Int) -> Int {
    Int.random(in: 0..<max(bound, 1), using: &generator)
  }
}
