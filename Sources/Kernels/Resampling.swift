package import Tensors

/// A linear map along one dimension: every element of the result is a weighted sum of a few of the
/// input.
///
/// Padding by reflection and every kind of resizing are such maps, one for each dimension, and their
/// gradients are the transposed maps.
package struct AxisMap: Sendable {
  /// The extents of input and result.
  package let inputExtent: Int
  package let outputExtent: Int
  /// Where the terms of each element begin, and at last how many terms there are.
  fileprivate let starts: [Int]
  fileprivate let sources: [Int]
  fileprivate let weights: [Double]

  /// The map in which the element `i` of the result is the element `sources[i]` of the input.
  ///
  /// - Precondition: the sources lie in the input.
  package init(selecting sources: [Int], of extent: Int) {
    precondition(sources.allSatisfy { (0..<extent).contains($0) })
    self.inputExtent = extent
    self.outputExtent = sources.count
    self.starts = Array(0...sources.count)
    self.sources = sources
    self.weights = Array(repeating: 1, count: sources.count)
  }

  /// The map in which the element `i` of the result is the sum of `terms[i]`.
  ///
  /// - Precondition: the sources lie in the input.
  package init(terms: [[(source: Int, weight: Double)]], of extent: Int) {
    precondition(terms.joined().allSatisfy { (0..<extent).contains($0.source) })
    self.inputExtent = extent
    self.outputExtent = terms.count
    self.starts = terms.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
    self.sources = terms.flatMap { $0.map(\.source) }
    self.weights = terms.flatMap { $0.map(\.weight) }
  }

  /// The map as a dense matrix, a row for each element of the result.
  package var matrix: [Double] {
    var matrix = [Double](repeating: 0, count: outputExtent * inputExtent)
    for row in 0..<outputExtent {
      for term in starts[row]..<starts[row + 1] {
        matrix[row * inputExtent + sources[term]] += weights[term]
      }
    }
    return matrix
  }

  /// The gradient of this map.
  package var transposed: AxisMap {
    var terms = [[(source: Int, weight: Double)]](repeating: [], count: inputExtent)
    for row in 0..<outputExtent {
      for term in starts[row]..<starts[row + 1] {
        terms[sources[term]].append((row, weights[term]))
      }
    }
    return AxisMap(terms: terms, of: outputExtent)
  }

  /// Whether every element of the result is one of the input.
  fileprivate var isSelection: Bool {
    sources.count == outputExtent && starts.last == outputExtent
      && weights.allSatisfy { $0 == 1 } && zip(starts, starts.dropFirst()).allSatisfy { $0 < $1 }
  }

  fileprivate var isIdentity: Bool {
    inputExtent == outputExtent && isSelection && sources.elementsEqual(0..<inputExtent)
  }
}

extension Workspace {
  /// `x` mapped along each of its dimensions, where a map is given.
  ///
  /// Maps that select work for every element type, others for floating-point numbers.
  ///
  /// - Precondition: there is one entry per dimension, and the maps take its extent.
  package func resample(_ x: Tensor, by maps: [AxisMap?]) throws(KernelError) -> Tensor {
    if maps.allSatisfy({ $0?.isSelection ?? true }) { return select(x, by: maps) }
    var result = x
    for (axis, map) in maps.enumerated() {
      guard let map, !map.isIdentity else { continue }
      switch x.elementType {
      case .float32: result = resample(result, by: map, axis: axis, of: Float.self)
      case .float64: result = resample(result, by: map, axis: axis, of: Double.self)
      default: throw KernelError("interpolation is not defined for \(x.elementType)")
      }
    }
    return result
  }

  /// `x` with the one element of `value` wherever a coordinate is among those listed for its
  /// dimension.
  package func overwrite(_ x: Tensor, at listed: [[Int]], with value: Tensor) -> Tensor {
    let result = tensor(x.elementType, x.shape)
    result.address.copyMemory(from: x.address, byteCount: x.byteCount)
    let (size, strides) = (x.elementType.size, x.shape.strides)
    for (axis, coordinates) in listed.enumerated() {
      let extents = Shape(x.shape.indices.map { $0 == axis ? 1 : x.shape[$0] }).dimensions
      for coordinate in coordinates {
        StridedCopy(extents, sourceStrides: extents.map { _ in 0 }, targetStrides: strides).run(
          from: value.address, to: result.address + coordinate * strides[axis] * size,
          elementSize: size)
      }
    }
    return result
  }

  private func resample<E: NumericElement & BinaryFloatingPoint>(
    _ x: Tensor, by map: AxisMap, axis: Int, of type: E.Type
  ) -> Tensor {
    var dimensions = x.shape.dimensions
    dimensions[axis] = map.outputExtent
    let shape = Shape(dimensions)
    let inner = shape.dropFirst(axis + 1).reduce(1, *)
    let result = tensor(E.elementType, shape)
    guard shape.elementCount > 0 else { return result }
    let target = result.address.assumingMemoryBound(to: E.self)
    let weights = map.weights.map { E($0) }
    x.withElements(as: E.self) { source in
      if inner == 1 {
        mapRows(source, to: target, shape.elementCount / map.outputExtent, map, weights)
      } else {
        addRows(source, to: target, shape.elementCount / inner, of: inner, map, weights)
      }
    }
    return result
  }

  /// Maps rows whose elements are contiguous.
  private func mapRows<E: BinaryFloatingPoint>(
    _ source: UnsafeBufferPointer<E>, to target: UnsafeMutablePointer<E>, _ count: Int,
    _ map: AxisMap, _ weights: [E]
  ) {
    let (inputExtent, outputExtent) = (map.inputExtent, map.outputExtent)
    map.starts.withUnsafeBufferPointer { starts in
      map.sources.withUnsafeBufferPointer { sources in
        weights.withUnsafeBufferPointer { weights in
          parallel(count, grain: max(1, 16384 / outputExtent)) { rows in
            for row in rows {
              for position in 0..<outputExtent {
                var sum: E = 0
                for term in starts[position]..<starts[position + 1] {
                  sum += weights[term] * source[row * inputExtent + sources[term]]
                }
                target[row * outputExtent + position] = sum
              }
            }
          }
        }
      }
    }
  }

  /// Adds up rows of `inner` contiguous elements, each with its weight.
  private func addRows<E: BinaryFloatingPoint>(
    _ source: UnsafeBufferPointer<E>, to target: UnsafeMutablePointer<E>, _ count: Int,
    of inner: Int, _ map: AxisMap, _ weights: [E]
  ) {
    parallel(count, grain: max(1, 16384 / inner)) { rows in
      for row in rows {
        let (outer, position) = row.quotientAndRemainder(dividingBy: map.outputExtent)
        let sums = target + row * inner
        sums.update(repeating: 0, count: inner)
        for term in map.starts[position]..<map.starts[position + 1] {
          let from = (outer * map.inputExtent + map.sources[term]) * inner
          let weight = weights[term]
          for element in 0..<inner { sums[element] += weight * source[from + element] }
        }
      }
    }
  }

  private func select(_ x: Tensor, by maps: [AxisMap?]) -> Tensor {
    let shape = Shape(zip(maps, x.shape).map { $0?.outputExtent ?? $1 })
    let result = tensor(x.elementType, shape)
    guard shape.rank > 0, shape.elementCount > 0 else {
      result.address.copyMemory(from: x.address, byteCount: result.byteCount)
      return result
    }
    let size = x.elementType.size
    let offsets = zip(zip(maps, x.shape), x.shape.strides).map { pair, stride in
      (pair.0?.sources ?? Array(0..<pair.1)).map { $0 * stride * size }
    }
    let (outer, run) = (shape.dropLast().map { $0 }, offsets[shape.rank - 1])
    let isContiguous = run.enumerated().allSatisfy { $1 == run[0] + $0 * size }
    parallel(outer.reduce(1, *), grain: max(1, 16384 / run.count)) { rows in
      for row in rows {
        var from = x.address
        var remainder = row
        for axis in outer.indices.reversed() {
          from += offsets[axis][remainder % outer[axis]]
          remainder /= outer[axis]
        }
        let to = result.address + row * run.count * size
        if isContiguous {
          to.copyMemory(from: from + run[0], byteCount: run.count * size)
        } else {
          switch size {
          case 1: gather(run, from: from, to: to, as: UInt8.self)
          case 2: gather(run, from: from, to: to, as: UInt16.self)
          case 4: gather(run, from: from, to: to, as: UInt32.self)
          default: gather(run, from: from, to: to, as: UInt64.self)
          }
        }
      }
    }
    withExtendedLifetime(x) {}
    return result
  }

  private func gather<Bits: BitwiseCopyable>(
    _ offsets: [Int], from source: UnsafeMutableRawPointer, to target: UnsafeMutableRawPointer,
    as bits: Bits.Type
  ) {
    for (index, offset) in offsets.enumerated() {
      target.storeBytes(
        of: source.loadUnaligned(fromByteOffset: offset, as: Bits.self),
        toByteOffset: index * MemoryLayout<Bits>.size, as: Bits.self)
    }
  }
}
