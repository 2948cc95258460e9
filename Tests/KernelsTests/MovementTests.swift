import Kernels
import Tensors
import Testing

/// Kernels that move elements, against a loop over all coordinates.
@Suite struct MovementTests {
  private let workspace = Workspace()

  /// The numbers 0, 1, 2 ... in row-major order.
  private func counting(_ shape: Shape, _ type: ElementType = .float32) -> Tensor {
    Tensor((0..<shape.elementCount).map(Int64.init), shape: shape).converted(to: type)
  }

  /// The tensor of `shape` whose elements `value` gives by their coordinates.
  private func tensor(_ shape: Shape, _ type: ElementType, _ value: ([Int]) -> Int) -> Tensor {
    let elements = (0..<shape.elementCount).map { place in
      Int64(value(zip(shape, shape.strides).map { place / $1 % $0 }))
    }
    return Tensor(elements, shape: shape).converted(to: type)
  }

  private func place(_ coordinates: [Int], in shape: Shape) -> Int {
    zip(coordinates, shape.strides).reduce(0) { $0 + $1.0 * $1.1 }
  }

  private func expectEqual(_ a: Tensor, _ b: Tensor) {
    #expect(a.shape == b.shape && a.elementType == b.elementType)
    #expect(workspace.rowMajor(a).npyData() == b.npyData())
  }

  @Test(arguments: [
    ([5, 7], [1, 0]), ([70, 90], [1, 0]), ([2, 3, 4], [2, 0, 1]), ([2, 40, 50], [0, 2, 1]),
    ([2, 3, 4, 5], [0, 2, 1, 3]), ([2, 3, 4, 5], [3, 1, 2, 0]), ([1, 6, 1, 3], [3, 0, 2, 1]),
    ([4, 0, 2], [2, 1, 0]), ([], []),
  ]) func transpositionMovesEveryElement(dimensions: [Int], order: [Int]) {
    let shape = Shape(dimensions)
    for type in [ElementType.uint8, .int16, .float32, .float64] {
      let x = counting(shape, type)
      let result = workspace.transpose(x, by: order)
      let expected = tensor(Shape(order.map { shape[$0] }), type) { coordinates in
        var source = coordinates
        for (axis, from) in order.enumerated() { source[from] = coordinates[axis] }
        return place(source, in: shape)
      }
      expectEqual(result, expected)
    }
  }

  @Test func slicesRunBothWaysAndComeBack() throws {
    let shape: Shape = [4, 6, 5]
    let stepping = Stepping(starts: [1, 5, 0], steps: [2, -2, 1], shape: [2, 3, 4])
    let slice = try workspace.slice(counting(shape), stepping)
    expectEqual(
      slice,
      tensor([2, 3, 4], .float32) { place([1 + 2 * $0[0], 5 - 2 * $0[1], $0[2]], in: shape) })
    let back = try workspace.unslice(slice, stepping, in: shape)
    expectEqual(
      back,
      tensor(shape, .float32) { index in
        let isSelected = index[0] % 2 == 1 && index[1] % 2 == 1 && index[2] < 4
        return isSelected ? place(index, in: shape) : 0
      })
  }

  @Test func slicesOutsideAreRefused() {
    let x = counting([4])
    for (start, step, count) in [(-1, 1, 2), (2, 1, 3), (1, -1, 3), (0, .max, 3), (3, .min, 2)] {
      #expect(throws: KernelError.self) {
        try workspace.slice(x, Stepping(starts: [start], steps: [step], shape: [count]))
      }
    }
  }

  @Test(arguments: [0, 1, 2, 3]) func joinsAndCutsAreInverse(axis: Int) {
    let extents = [3, 1, 4]
    let parts = extents.map { extent in
      var dimensions = [2, 3, 4, 5]
      dimensions[axis] = extent
      return counting(Shape(dimensions))
    }
    let whole = workspace.concatenate(parts, axis: axis)
    var first = 0
    let expected = tensor(whole.shape, .float32) { index in
      first = 0
      for part in parts {
        if index[axis] < first + part.shape[axis] {
          var inner = index
          inner[axis] -= first
          return place(inner, in: part.shape)
        }
        first += part.shape[axis]
      }
      return -1
    }
    expectEqual(whole, expected)
    for (part, copy) in zip(parts, workspace.split(whole, axis: axis, sizes: extents)) {
      expectEqual(copy, part)
    }
  }

  /// The same elements in another layout, padding zeroed.
  private func laidOut(_ x: Tensor, _ layout: Layout) -> Tensor {
    let (samples, channels) = (x.shape[0], x.shape[1])
    let pixels = x.shape.dropFirst(2).reduce(1, *)
    let block: Int
    switch layout {
    case .rowMajor, .bits: return x
    case .channelsLast: block = channels
    case .blockedChannels(let count): block = count
    }
    let blocks = (channels + block - 1) / block
    let result = workspace.zeros(x.elementType, [layout.paddedCount(of: x.shape)])
    let target = result.address.assumingMemoryBound(to: Float.self)
    for (place, element) in x.elements(as: Float.self).enumerated() {
      let (row, pixel) = place.quotientAndRemainder(dividingBy: pixels)
      let (sample, channel) = row.quotientAndRemainder(dividingBy: channels)
      let offset = (sample * blocks + channel / block) * pixels + pixel
      target[offset * block + channel % block] = element
    }
    #expect(samples * channels * pixels == x.elementCount)
    return Tensor(.float32, x.shape, layout: layout, storage: result.storage)
  }

  @Test(
    arguments: [Layout.channelsLast, .blockedChannels(8), .blockedChannels(16)],
    [([16, 32, 16], 1), ([16, 16], 0), ([32, 32], 2), ([3, 5], 2), ([16, 3], 1)]
  ) func layoutsSurviveJoinsAndCuts(layout: Layout, parts: (extents: [Int], axis: Int)) {
    let tensors = parts.extents.map { extent in
      var dimensions = [2, 16, 3, 4]
      dimensions[parts.axis] = extent
      return counting(Shape(dimensions))
    }
    let blocked = tensors.map { laidOut($0, layout) }
    let whole = workspace.concatenate(blocked, axis: parts.axis)
    let isCut = parts.axis == 1 && parts.extents.contains { layout != .channelsLast && $0 < 16 }
    #expect(whole.layout == (isCut ? .rowMajor : layout))
    let expected = workspace.concatenate(tensors, axis: parts.axis)
    expectEqual(whole, expected)
    let pieces = workspace.split(
      laidOut(expected, layout), axis: parts.axis, sizes: parts.extents)
    for (piece, tensor) in zip(pieces, tensors) {
      #expect(piece.layout == (isCut ? .rowMajor : layout))
      expectEqual(piece, tensor)
    }
  }

  @Test func mixedLayoutsAreJoinedInRowMajorOrder() {
    let x = counting([2, 8, 2, 2])
    let whole = workspace.concatenate([x, laidOut(x, .blockedChannels(8))], axis: 1)
    expectEqual(whole, workspace.concatenate([x, x], axis: 1))
  }

  @Test func framesAreFilledAndNegativeOnesCut() {
    let shape: Shape = [3, 4]
    let padded = workspace.pad(
      counting(shape), begins: [1, -1], ends: [-1, 2], with: Tensor(scalar: 9 as Float))
    expectEqual(
      padded,
      tensor([3, 5], .float32) { index in
        let source = [index[0] - 1, index[1] + 1]
        let isInside = source[0] >= 0 && source[1] < 4
        return isInside ? place(source, in: shape) : 9
      })
  }

  @Test func indicesOutOfRangeAreRefused() {
    let x = counting([3, 2])
    for index in [3, -4, Int64.max, .min] {
      let indices = Tensor([index])
      #expect(throws: KernelError.self) { try workspace.gather(x, indices, axis: 0) }
      #expect(throws: KernelError.self) {
        try workspace.scatterND(x, indices.reshaped(to: [1, 1]), counting([1, 2]), .add)
      }
      #expect(throws: KernelError.self) {
        try workspace.scatterElements(
          x, indices.reshaped(to: [1, 1]), counting([1, 1]), axis: 0, .none)
      }
    }
  }

  @Test func resamplingIsTheTransposeOfItsTranspose() throws {
    let map = AxisMap(terms: [[(0, 0.25), (2, 0.75)], [], [(1, 2)], [(2, -1), (1, 0.5)]], of: 3)
    let x = Tensor([1.0, -2, 3, 5, 7, -11], shape: [3, 2])
    let y = Tensor([2.0, 3, 5, 7, 11, 13, 17, 19], shape: [4, 2])
    let forward = try workspace.resample(x, by: [map, nil])
    let backward = try workspace.resample(y, by: [map.transposed, nil])
    #expect(forward.elements(as: Double.self) == [5.5, -8.75, 0, 0, 6, 10, -5.5, 13.5])
    let dot = { (a: Tensor, b: Tensor) in
      zip(a.elements(as: Double.self), b.elements(as: Double.self)).reduce(0) { $0 + $1.0 * $1.1 }
    }
    #expect(dot(forward, y) == dot(x, backward))
  }

  @Test func rankingPutsTheFirstOfEqualsFirst() throws {
    let x = Tensor([1, .nan, 3, 3, -.infinity] as [Float])
    let top = try workspace.topK(x, axis: 0, count: 4, largest: true)
    #expect(top.indices.elements(as: Int64.self) == [1, 2, 3, 0])
    let bottom = try workspace.topK(x, axis: 0, count: 5, largest: false)
    #expect(bottom.indices.elements(as: Int64.self) == [4, 0, 2, 3, 1])
  }
}
