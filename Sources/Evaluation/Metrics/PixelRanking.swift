/// Pixels by what an attribution says of them, the earlier of equals first.
package struct PixelRanking: Sendable {
  /// Pixels that speak for the target, the strongest first.
  package let positive: [Int32]
  /// Pixels that speak against it, the strongest first.
  package let negative: [Int32]

  private let values: [Double]

  /// The ranking of one number per pixel.
  package init(_ values: [Double]) {
    self.values = values
    let pixels = values.indices.lazy.map(Int32.init)
    (positive, negative) = values.withUnsafeBufferPointer { values in
      (
        pixels.filter { values[Int($0)] > 0 }.sorted { a, b in
          let (x, y) = (values[Int(a)], values[Int(b)])
          return x > y || x == y && a < b
        },
        pixels.filter { values[Int($0)] < 0 }.sorted { a, b in
          let (x, y) = (values[Int(a)], values[Int(b)])
          return x < y || x == y && a < b
        }
      )
    }
  }

  /// Pixels of both kinds by magnitude, the strongest first.
  package var absolute: [Int32] {
    var merged: [Int32] = []
    merged.reserveCapacity(positive.count + negative.count)
    var (p, n) = (0, 0)
    while p < positive.count, n < negative.count {
      let (a, b) = (positive[p], negative[n])
      let (x, y) = (values[Int(a)], -values[Int(b)])
      if x > y || x == y && a < b {
        merged.append(a)
        p += 1
      } else {
        merged.append(b)
        n += 1
      }
    }
    return merged + positive[p...] + negative[n...]
  }

  /// All pixels by signed value, the greatest first.
  package var signed: [Int32] {
    let neutral = values.indices.lazy.filter { !(values[$0] > 0) && !(values[$0] < 0) }
    return positive + neutral.map(Int32.init) + negative.reversed()
  }
}
