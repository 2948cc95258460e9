/// A linear map of the numbers along one dimension to another number of places.
struct AxisWeights {
  /// For each place of the result the places that it is made of, and their shares.
  let terms: [[(place: Int, weight: Double)]]

  /// Linear interpolation between the centres of places, held at the borders: ONNX's Resize with
  /// `half_pixel`, PyTorch's `interpolate` with `align_corners=False`.
  static func interpolating(from count: Int, to extent: Int) -> AxisWeights {
    AxisWeights(
      terms: (0..<extent).map { index in
        let center = max((Double(index) + 0.5) * Double(count) / Double(extent) - 0.5, 0)
        let lower = min(Int(center), count - 1)
        let share = lower + 1 < count ? center - Double(lower) : 0
        return share == 0 ? [(lower, 1)] : [(lower, 1 - share), (lower + 1, share)]
      })
  }

  /// The same shares, scaled so that each number is given away exactly once; where there are fewer
  /// places than numbers, each goes to those that it lies in.
  static func distributing(from count: Int, to extent: Int) -> AxisWeights {
    let shares = count <= extent ? interpolating(from: count, to: extent) : overlaps(count, extent)
    var totals = [Double](repeating: 0, count: count)
    for (place, weight) in shares.terms.joined() { totals[place] += weight }
    return AxisWeights(
      terms: shares.terms.map { terms in
        terms.map { (place: $0.place, weight: $0.weight / totals[$0.place]) }
      })
  }

  /// How much of each of `count` equal intervals lies in each of `extent`.
  private static func overlaps(_ count: Int, _ extent: Int) -> AxisWeights {
    let width = Double(count) / Double(extent)
    return AxisWeights(
      terms: (0..<extent).map { index in
        let (low, high) = (Double(index) * width, Double(index + 1) * width)
        return (Int(low)..<min(Int(high.rounded(.up)), count)).compactMap { place in
          let overlap = min(high, Double(place + 1)) - max(low, Double(place))
          return overlap > 1e-12 ? (place, overlap) : nil
        }
      })
  }

  /// Numbers in row-major order with these extents, mapped along one dimension.
  func applied(to values: [Double], extents: [Int], axis: Int) -> [Double] {
    let stride = extents.dropFirst(axis + 1).reduce(1, *)
    let block = stride * extents[axis]
    guard block > 0 else { return [] }
    var result: [Double] = []
    result.reserveCapacity(values.count / extents[axis] * terms.count)
    for start in Swift.stride(from: 0, to: values.count, by: block) {
      for terms in terms {
        for offset in 0..<stride {
          result.append(
            terms.reduce(0) { $0 + $1.weight * values[start + $1.place * stride + offset] })
        }
      }
    }
    return result
  }

  /// Numbers in row-major order, mapped along every dimension to other extents.
  static func map(
    _ values: [Double], from extents: [Int], to wanted: [Int],
    _ weights: (_ count: Int, _ extent: Int) -> AxisWeights
  ) -> [Double] {
    var (values, extents) = (values, extents)
    for axis in wanted.indices {
      values = weights(extents[axis], wanted[axis])
        .applied(to: values, extents: extents, axis: axis)
      extents[axis] = wanted[axis]
    }
    return values
  }
}
