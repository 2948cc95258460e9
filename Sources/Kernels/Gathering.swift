package import Tensors

extension Workspace {
  /// The slices of `x` at `indices` along `axis`: the result has the dimensions of `indices` in place
  /// of that dimension. Negative indices count from the end.
  package func gather(_ x: Tensor, _ indices: Tensor, axis: Int) throws(KernelError) -> Tensor {
    let positions = try self.positions(in: indices, extent: x.shape[axis])
    let shape = Shape(
      x.shape.prefix(axis) + indices.shape.dimensions + x.shape.dropFirst(axis + 1))
    let result = tensor(x.elementType, shape)
    let slice = x.shape.dropFirst(axis + 1).reduce(1, *) * x.elementType.size
    let row = x.shape[axis] * slice
    parallel(
      slice == 0 ? 0 : shape.elementCount * x.elementType.size / slice,
      grain: max(1, 32768 / max(slice, 1))
    ) { range in
      for place in range {
        let (outer, index) = place.quotientAndRemainder(dividingBy: positions.count)
        (result.address + place * slice).copyMemory(
          from: x.address + outer * row + positions[index] * slice, byteCount: slice)
      }
    }
    return result
  }

  /// Zeros of `shape` to which the slices of `dy` are added at `indices` along `axis`: the gradient of
  /// `gather`.
  package func scatterSlices(
    _ dy: Tensor, _ indices: Tensor, axis: Int, in shape: Shape
  ) throws(KernelError) -> Tensor {
    let positions = try self.positions(in: indices, extent: shape[axis])
    guard
      dy.shape.dimensions
        == shape.prefix(axis) + indices.shape.dimensions + shape.dropFirst(axis + 1)
    else { throw KernelError("\(dy.shape) is not gathered from \(shape)") }
    return switch dy.elementType {
    case .float32: scatterSlices(dy, positions, axis, shape, of: Float.self)
    case .float64: scatterSlices(dy, positions, axis, shape, of: Double.self)
    default: throw KernelError("a sum of gradients is not defined for \(dy.elementType)")
    }
  }

  private func scatterSlices<E: NumericElement>(
    _ dy: Tensor, _ positions: [Int], _ axis: Int, _ shape: Shape, of type: E.Type
  ) -> Tensor {
    let result = zeros(E.elementType, shape)
    let target = result.address.assumingMemoryBound(to: E.self)
    let slice = shape.dropFirst(axis + 1).reduce(1, *)
    dy.withElements(as: E.self) { source in
      for outer in 0..<shape.prefix(axis).reduce(1, *) {
        for (index, position) in positions.enumerated() {
          let from = (outer * positions.count + index) * slice
          let to = (outer * shape[axis] + position) * slice
          for element in 0..<slice { target[to + element] += source[from + element] }
        }
      }
    }
    return result
  }

  /// The elements of `x` whose coordinate along `axis` is what `indices` holds at their place.
  ///
  /// - Precondition: `indices` has the rank of `x` and is nowhere longer, `axis` aside.
  package func gatherElements(
    _ x: Tensor, _ indices: Tensor, axis: Int
  ) throws(KernelError) -> Tensor {
    let places = try elementPlaces(indices, axis: axis, in: x.shape)
    return gather(places.map { $0 * x.elementType.size }, of: x, shape: indices.shape)
  }

  /// The slices of `x` at the coordinates that the last dimension of `indices` holds, for each of the
  /// first `batchDimensions` coordinates, which both share.
  ///
  /// - Precondition: the shapes agree as `sliceShape` in the operator checks.
  package func gatherND(
    _ x: Tensor, _ indices: Tensor, batchDimensions: Int, shape: Shape
  ) throws(KernelError) -> Tensor {
    let places = try slicePlaces(indices, batchDimensions: batchDimensions, in: x.shape)
    let result = tensor(x.elementType, shape)
    guard shape.elementCount > 0 else { return result }
    let bytes = result.byteCount / places.count
    for (index, place) in places.enumerated() {
      (result.address + index * bytes).copyMemory(
        from: x.address + place * x.elementType.size, byteCount: bytes)
    }
    return result
  }

  private func gather(_ offsets: [Int], of x: Tensor, shape: Shape) -> Tensor {
    let result = tensor(x.elementType, shape)
    let size = x.elementType.size
    parallel(offsets.count) { range in
      for index in range {
        (result.address + index * size).copyMemory(
          from: x.address + offsets[index], byteCount: size)
      }
    }
    return result
  }

  /// Indices along a dimension of `extent`, those that count from the end made positive.
  ///
  /// - Throws: if one lies outside.
  func positions(in indices: Tensor, extent: Int) throws(KernelError) -> [Int] {
    guard indices.elementType.isInteger else {
      throw KernelError("indices must be integers, not \(indices.elementType)")
    }
    var positions: [Int] = []
    positions.reserveCapacity(indices.elementCount)
    for index in indices.converted(to: .int64).elements(as: Int64.self) {
      guard (-Int64(extent)..<Int64(extent)).contains(index) else {
        throw KernelError("index \(index) is out of range for an extent of \(extent)")
      }
      positions.append(Int(index) + (index < 0 ? extent : 0))
    }
    return positions
  }

  /// For each index along `axis`, the place of its element in a row-major tensor of `shape`.
  func elementPlaces(
    _ indices: Tensor, axis: Int, in shape: Shape
  ) throws(KernelError) -> [Int] {
    var places = try positions(in: indices, extent: shape[axis])
    let strides = shape.strides
    var index = [Int](repeating: 0, count: shape.rank)
    for place in places.indices {
      places[place] *= strides[axis]
      for other in shape.indices where other != axis {
        places[place] += index[other] * strides[other]
      }
      index.advance(in: indices.shape)
    }
    return places
  }

  /// For each vector of coordinates in the last dimension of `indices`, the place in a row-major
  /// tensor of `shape` where its slice begins.
  func slicePlaces(
    _ indices: Tensor, batchDimensions: Int = 0, in shape: Shape
  ) throws(KernelError) -> [Int] {
    guard indices.elementType.isInteger else {
      throw KernelError("indices must be integers, not \(indices.elementType)")
    }
    let length = indices.shape[indices.shape.rank - 1]
    let strides = shape.strides
    let count = indices.shape.dropLast().reduce(1, *)
    let batches = indices.shape.prefix(batchDimensions).reduce(1, *)
    let batchStride = shape.dropFirst(batchDimensions).reduce(1, *)
    let coordinates = indices.converted(to: .int64).elements(as: Int64.self)
    var places: [Int] = []
    places.reserveCapacity(count)
    for vector in 0..<count {
      var place = batches > 1 ? vector / (count / batches) * batchStride : 0
      for position in 0..<length {
        let extent = shape[batchDimensions + position]
        let index = coordinates[vector * length + position]
        guard (-Int64(extent)..<Int64(extent)).contains(index) else {
          throw KernelError("index \(index) is out of range for an extent of \(extent)")
        }
        place += (Int(index) + (index < 0 ? extent : 0)) * strides[batchDimensions + position]
      }
      places.append(place)
    }
    return places
  }
}

extension [Int] {
  /// Moves on to the next coordinates of a tensor of this shape in row-major order.
  mutating func advance(in shape: Shape) {
    for axis in indices.reversed() {
      self[axis] += 1
      if self[axis] < shape[axis] { return }
      self[axis] = 0
    }
  }
}
