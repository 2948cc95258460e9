import Kernels
import Tensors
import Testing

/// Signs as bits, sums behind them, points on lines, and the memory of intermediate tensors.
@Suite struct SignsTests {
  @Test(arguments: [1, 7, 8, 15, 16, 17, 511, 512, 513, 4099, 40000])
  func sumsAreMaskedWhereElementsAreNotPositive(count: Int) throws {
    var generator = SplitMix64(seed: UInt64(count))
    let workspace = Workspace()
    let (x, a, b) = (
      generator.tensor([count]), generator.tensor([count]), generator.tensor([count])
    )
    let expected = zip(
      x.elements(as: Double.self), zip(a.elements(as: Double.self), b.elements(as: Double.self))
    )
    .map { $0 > 0 ? $1.0 + $1.1 : 0 }
    let exact = try workspace.sum(of: [a, b], where: try workspace.signs(of: x))
    #expect(exact.elements(as: Double.self) == expected)
    let single = try workspace.sum(
      of: [a.single, b.single], where: try workspace.signs(of: x.single))
    #expect(
      single.elements(as: Float.self)
        == zip(a.single.elements(as: Float.self), b.single.elements(as: Float.self)).enumerated()
        .map { index, pair in expected[index] == 0 ? 0 : pair.0 + pair.1 })
    let flags = workspace.rowMajor(try workspace.signs(of: x.single)).elements(as: Bool.self)
    #expect(flags == x.elements(as: Double.self).map { $0 > 0 })
  }

  /// bfloat16 keeps eight digits of the binary number; the mask is exact.
  @Test(arguments: [1, 16, 33, 1000])
  func narrowSumsAreRounded(count: Int) throws {
    var generator = SplitMix64(seed: UInt64(count))
    let workspace = Workspace()
    let tensors = (0..<3).map { _ in generator.tensor([count]).converted(to: .bfloat16) }
    let wide = tensors.map { $0.converted(to: .float64).elements(as: Double.self) }
    let sum = try workspace.sum(
      of: [tensors[1], tensors[2]], where: try workspace.signs(of: tensors[0]))
    for (index, value) in sum.converted(to: .float64).elements(as: Double.self).enumerated() {
      let expected = wide[0][index] > 0 ? wide[1][index] + wide[2][index] : 0
      #expect(abs(value - expected) <= abs(expected) / 256)
    }
    for tensor in tensors {
      let there = try workspace.changingPrecision(of: tensor, to: .float32)
      let back = try workspace.changingPrecision(of: there, to: .bfloat16)
      #expect(back.elements(as: BFloat16.self) == tensor.elements(as: BFloat16.self))
    }
  }

  @Test(arguments: [ElementType.float32, .float64], [1, 2])
  func pointsAndTheirSumsFollowTheDefinition(type: ElementType, lines: Int) throws {
    var generator = SplitMix64(seed: 5)
    let workspace = Workspace()
    let (start, difference) = (generator.tensor([2, 3000]), generator.tensor([2, 3000]))
    let (positions, weights) = (generator.tensor([6]), generator.tensor([6]))
    // Each point of a line has as many rows as the line has of the start.
    let (rows, points) = (2 / lines, 6 / lines)
    let path = try workspace.pathPoints(
      from: start.converted(to: type), difference: difference.converted(to: type),
      at: positions.converted(to: type), lines: lines, rectified: true,
      shape: [rows * 6, 3000])
    func row(_ tensor: Tensor, _ index: Int) -> [Double] {
      tensor.rows(index..<(index + 1)).converted(to: .float64).elements(as: Double.self)
    }
    let values = (0..<(rows * 6)).map { index in
      let (point, line) = (index / rows, index / rows / points)
      let from = line * rows + index % rows
      let position = positions.elements(as: Double.self)[point]
      return zip(row(start, from), row(difference, from)).map { max($0 + position * $1, 0) }
    }
    let limit = type == .float64 ? 1e-14 : 1e-6
    let expected = Tensor(values.flatMap(\.self), shape: [rows * 6, 3000])
    #expect(distance(path, expected, in: workspace) < limit)
    let sum = try workspace.weightedSum(
      of: path, weights.converted(to: type), lines: lines, shape: [2, 3000])
    let sums = (0..<2).flatMap { row in
      (0..<3000).map { column in
        (0..<points).reduce(0) { sum, number in
          let point = row / rows * points + number
          return sum + weights.elements(as: Double.self)[point]
            * values[point * rows + row % rows][column]
        }
      }
    }
    #expect(distance(sum, Tensor(sums, shape: [2, 3000]), in: workspace) < limit)
  }

  /// Tensors of random sizes live for random times; none is written into by another.
  @Test func tensorsDoNotOverlap() throws {
    var generator = SplitMix64(seed: 11)
    let workspace = Workspace()
    var live: [(tensor: Tensor, mark: Int32)] = []
    for mark in 0..<2000 as Range<Int32> {
      if !live.isEmpty, Int.random(in: 0..<5, using: &generator) < 2 {
        let (tensor, mark) = live.remove(at: Int.random(in: 0..<live.count, using: &generator))
        #expect(tensor.elements(as: Int32.self).allSatisfy { $0 == mark })
      }
      let count = 1 << Int.random(in: 0..<18, using: &generator)
      live.append(
        (workspace.tensor(Int32.self, [count + Int(mark)]) { $0.initialize(repeating: mark) }, mark)
      )
      if live.count > 40 { live.removeFirst(20) }
      if mark == 1000 { workspace.release() }
    }
    #expect(
      live.allSatisfy { tensor, mark in tensor.elements(as: Int32.self).allSatisfy { $0 == mark } })
    let bytes = live.reduce(0) { $0 + $1.tensor.byteCount }
    #expect(workspace.peakBytes >= bytes / 2)
  }

  /// Convolutions run over a batch in parts that suit them; the parts are the rows one by one.
  @Test(arguments: [1, 2, 3, 5, 8, 16, 17])
  func rowsOfABatchAreConvolvedAlike(rows: Int) throws {
    var generator = SplitMix64(seed: 2)
    let workspace = Workspace()
    let x = generator.tensor([rows, 32, 24, 24]).single
    let weights = generator.tensor([48, 32, 3, 3]).single
    let window = try SlidingWindow(kernel: [3, 3], padsBegin: [1, 1], padsEnd: [1, 1])
    let parameters = ConvolutionParameters(window: window)
    let together = workspace.rowMajor(try workspace.convolution(x, weights: weights, parameters))
    let dy = generator.tensor(together.shape).single
    let back = workspace.rowMajor(
      try workspace.convolutionInputGradient(dy, weights: weights, shape: x.shape, parameters))
    for row in 0..<rows {
      let place = row..<(row + 1)
      let alone = try workspace.convolution(x.rows(place), weights: weights, parameters)
      #expect(
        distance(alone, together.rows(place).converted(to: .float64), in: workspace) < 1e-5)
      let gradient = try workspace.convolutionInputGradient(
        dy.rows(place), weights: weights, shape: [1, 32, 24, 24], parameters)
      #expect(distance(gradient, back.rows(place).converted(to: .float64), in: workspace) < 1e-5)
    }
  }
}
