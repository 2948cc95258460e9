import Kernels
import Tensors
import Testing

/// A convolution with its operands' extents.
struct ConvolutionCase: Sendable, CustomTestStringConvertible {
  var batch = 2
  var channels: Int
  var outputs: Int
  var spatial: [Int]
  var kernel: [Int]
  var strides: [Int]?
  var dilations: [Int]?
  var padsBegin: [Int]?
  var padsEnd: [Int]?
  var groups = 1

  var testDescription: String {
    "\(batch)x\(channels)x\(spatial) to \(outputs), kernel \(kernel), strides \(strides ?? []), "
      + "dilations \(dilations ?? []), pads \(padsBegin ?? []) \(padsEnd ?? []), groups \(groups)"
  }

  var input: Shape { Shape([batch, channels] + spatial) }
  var weights: Shape { Shape([outputs, channels / groups] + kernel) }

  func parameters() throws -> ConvolutionParameters {
    ConvolutionParameters(
      window: try SlidingWindow(
        kernel: kernel, strides: strides, dilations: dilations, padsBegin: padsBegin,
        padsEnd: padsEnd), groups: groups)
  }

  static let all: [ConvolutionCase] = [
    ConvolutionCase(
      channels: 3, outputs: 64, spatial: [33, 31], kernel: [7, 7], strides: [2, 2],
      padsBegin: [3, 3], padsEnd: [3, 3]),
    ConvolutionCase(
      batch: 16, channels: 32, outputs: 48, spatial: [14, 14], kernel: [3, 3],
      padsBegin: [1, 1], padsEnd: [1, 1]),
    ConvolutionCase(
      batch: 16, channels: 33, outputs: 17, spatial: [13, 13], kernel: [3, 3],
      padsBegin: [1, 1], padsEnd: [1, 1]),
    ConvolutionCase(batch: 3, channels: 64, outputs: 32, spatial: [9, 9], kernel: [1, 1]),
    ConvolutionCase(
      batch: 1, channels: 24, outputs: 40, spatial: [11, 8], kernel: [1, 1], strides: [2, 2]),
    ConvolutionCase(
      batch: 1, channels: 16, outputs: 16, spatial: [12, 10], kernel: [3, 5],
      strides: [1, 2], dilations: [2, 1], padsBegin: [0, 2], padsEnd: [3, 1]),
    ConvolutionCase(
      channels: 32, outputs: 32, spatial: [10, 10], kernel: [3, 3], padsBegin: [1, 1],
      padsEnd: [1, 1], groups: 32),
    ConvolutionCase(
      channels: 20, outputs: 40, spatial: [8, 8], kernel: [3, 3], strides: [2, 2],
      padsBegin: [0, 0], padsEnd: [1, 1], groups: 20),
    ConvolutionCase(
      channels: 64, outputs: 64, spatial: [7, 7], kernel: [3, 3], padsBegin: [1, 1],
      padsEnd: [1, 1], groups: 4),
    ConvolutionCase(channels: 6, outputs: 9, spatial: [7, 5], kernel: [2, 3], groups: 3),
    ConvolutionCase(channels: 5, outputs: 7, spatial: [9], kernel: [4], strides: [3]),
    ConvolutionCase(
      channels: 32, outputs: 16, spatial: [19], kernel: [3], dilations: [2], padsBegin: [2],
      padsEnd: [2]),
    ConvolutionCase(
      channels: 4, outputs: 16, spatial: [5, 6, 7], kernel: [3, 3, 3], strides: [1, 2, 1],
      padsBegin: [1, 1, 1], padsEnd: [1, 0, 1]),
    ConvolutionCase(channels: 1, outputs: 1, spatial: [5, 5], kernel: [5, 5]),
    ConvolutionCase(
      channels: 3, outputs: 8, spatial: [1, 1], kernel: [3, 3], padsBegin: [2, 2],
      padsEnd: [2, 2]),
  ]
}

@Suite struct ConvolutionTests {
  @Test(arguments: ConvolutionCase.all)
  func singlePrecisionAgreesWithTheDefinition(test: ConvolutionCase) throws {
    var generator = SplitMix64(seed: 1)
    let workspace = Workspace()
    let (x, weights) = (generator.tensor(test.input), generator.tensor(test.weights))
    let bias = generator.tensor([test.outputs])
    let parameters = try test.parameters()
    let expected = try workspace.convolution(x, weights: weights, bias: bias, parameters)
    let actual = try workspace.convolution(
      x.single, weights: weights.single, bias: bias.single, parameters)
    #expect(distance(actual, expected, in: workspace) < 1e-5)
    #expect(padsWithZeros(actual))

    let addend = generator.tensor(expected.shape)
    let sum = try workspace.convolution(
      x, weights: weights, bias: bias, addend: addend, rectified: true, parameters)
    let fused = try workspace.convolution(
      x.single, weights: weights.single, bias: bias.single, addend: addend.single,
      rectified: true, parameters)
    #expect(distance(fused, sum, in: workspace) < 1e-5)
    #expect(padsWithZeros(fused))
  }

  @Test(arguments: ConvolutionCase.all)
  func inputGradientAgreesWithTheDefinition(test: ConvolutionCase) throws {
    var generator = SplitMix64(seed: 2)
    let workspace = Workspace()
    let parameters = try test.parameters()
    let output = Shape(
      [test.batch, test.outputs] + (try parameters.window.outputExtents(of: test.spatial)))
    let (dy, weights) = (generator.tensor(output), generator.tensor(test.weights))
    let expected = try workspace.convolutionInputGradient(
      dy, weights: weights, shape: test.input, parameters)
    let actual = try workspace.convolutionInputGradient(
      dy.single, weights: weights.single, shape: test.input, parameters)
    #expect(distance(actual, expected, in: workspace) < 1e-5)
    #expect(padsWithZeros(actual))
  }

  /// <dy, conv(x)> = <gradient(dy), x>, whatever the numbers.
  @Test(arguments: ConvolutionCase.all)
  func inputGradientIsTheAdjoint(test: ConvolutionCase) throws {
    var generator = SplitMix64(seed: 3)
    let workspace = Workspace()
    let parameters = try test.parameters()
    let (x, weights) = (generator.tensor(test.input), generator.tensor(test.weights))
    let y = try workspace.convolution(x, weights: weights, parameters)
    let dy = generator.tensor(y.shape)
    let dx = try workspace.convolutionInputGradient(
      dy, weights: weights, shape: x.shape, parameters)
    let (left, right) = (dot(dy, y), dot(dx, x))
    #expect(abs(left - right) <= 1e-11 * max(1, abs(left)))
  }

  /// 3x3 windows of all sizes, for which oneDNN has many kernels, each fused in every way.
  @Test(arguments: [(16, 16), (16, 32), (24, 24), (32, 32), (48, 64), (64, 64)])
  func everyFusionHasAKernel(channels: Int, outputs: Int) throws {
    var generator = SplitMix64(seed: 6)
    let workspace = Workspace()
    let window = try SlidingWindow(kernel: [3, 3], padsBegin: [1, 1], padsEnd: [1, 1])
    let parameters = ConvolutionParameters(window: window)
    let weights = generator.tensor([outputs, channels, 3, 3])
    let bias = generator.tensor([outputs])
    for extent in [8, 16, 32] {
      for batch in [1, 2, 4, 8] where batch * extent * extent * channels * outputs < 1 << 22 {
        let x = generator.tensor([batch, channels, extent, extent])
        let addend = generator.tensor([batch, outputs, extent, extent])
        let plain = try workspace.convolution(x, weights: weights, parameters)
          .elements(as: Double.self)
        for fusion in 0..<8 {
          let (hasBias, hasAddend, isRectified) = (fusion & 1 > 0, fusion & 2 > 0, fusion & 4 > 0)
          let added = addend.elements(as: Double.self)
          let biases = bias.elements(as: Double.self)
          let expected = plain.indices.map { index in
            let channel = index / (extent * extent) % outputs
            let sum =
              plain[index] + (hasBias ? biases[channel] : 0) + (hasAddend ? added[index] : 0)
            return isRectified ? max(0, sum) : sum
          }
          let actual = try workspace.convolution(
            x.single, weights: weights.single, bias: hasBias ? bias.single : nil,
            addend: hasAddend ? addend.single : nil, rectified: isRectified, parameters)
          #expect(
            distance(actual, Tensor(expected, shape: addend.shape), in: workspace) < 1e-5,
            "batch \(batch), extent \(extent), fusion \(fusion)")
        }
      }
    }
  }

  @Test func layoutsMayMix() throws {
    var generator = SplitMix64(seed: 4)
    let workspace = Workspace()
    let padded = try SlidingWindow(kernel: [3, 3], padsBegin: [1, 1], padsEnd: [1, 1])
    let whole = ConvolutionParameters(window: padded)
    let x = generator.tensor([2, 3, 9, 9])
    let first = generator.tensor([20, 3, 3, 3])
    let grouped = generator.tensor([10, 4, 3, 3])
    let square = generator.tensor([20, 20, 3, 3])
    func run(_ type: ElementType) throws -> [Tensor] {
      let y = try workspace.convolution(
        x.converted(to: type), weights: first.converted(to: type), whole)
      let z = try workspace.convolution(
        y, weights: grouped.converted(to: type), ConvolutionParameters(window: padded, groups: 5)
      )
      let sum = try workspace.convolution(
        workspace.rowMajor(y), weights: square.converted(to: type), addend: y, whole)
      return [y, z, sum]
    }
    for (actual, expected) in zip(try run(.float32), try run(.float64)) {
      #expect(distance(actual, expected, in: workspace) < 1e-5)
    }
  }

  @Test func weightsMayLieAtAnyByteAndEndTheirLife() throws {
    var generator = SplitMix64(seed: 5)
    let workspace = Workspace()
    let x = generator.tensor([1, 16, 6, 6])
    let parameters = ConvolutionParameters(window: try SlidingWindow(kernel: [3, 3]))
    for _ in 0..<20 {
      let weights = generator.tensor([16, 16, 3, 3])
      let expected = try workspace.convolution(x, weights: weights, parameters)
      let actual = try workspace.convolution(
        x.single, weights: weights.single.unaligned, parameters)
      #expect(distance(actual, expected, in: workspace) < 1e-5)
    }
  }

  @Test func anEmptyBatchGivesAnEmptyResult() throws {
    let workspace = Workspace()
    let parameters = ConvolutionParameters(window: try SlidingWindow(kernel: [3, 3]))
    let weights = Tensor(repeating: 1 as Float, shape: [4, 2, 3, 3])
    let x = Tensor([Float](), shape: [0, 2, 5, 5])
    #expect(try workspace.convolution(x, weights: weights, parameters).shape == [0, 4, 3, 3])
  }

  @Test func impossibleWindowsAreRefused() throws {
    #expect(throws: KernelError.self) { try SlidingWindow(kernel: [0, 3]) }
    #expect(throws: KernelError.self) { try SlidingWindow(kernel: [3], strides: [0]) }
    #expect(throws: KernelError.self) { try SlidingWindow(kernel: [3], dilations: [-1]) }
    #expect(throws: KernelError.self) { try SlidingWindow(kernel: [3], padsBegin: [-1]) }
    #expect(throws: KernelError.self) { try SlidingWindow(kernel: [3, 3], strides: [1]) }
    #expect(throws: KernelError.self) { try SlidingWindow(kernel: [Int.max]) }
    #expect(throws: KernelError.self) {
      try SlidingWindow(kernel: [4]).outputExtents(of: [3])
    }
    #expect(throws: KernelError.self) {
      try SlidingWindow(kernel: [4], padsEnd: [1]).outputExtents(of: [Int.max])
    }
    #expect(throws: KernelError.self) {
      try SlidingWindow(kernel: [4]).outputExtents(of: [9, 9])
    }
  }
}

func dot(_ a: Tensor, _ b: Tensor) -> Double {
  zip(a.elements(as: Double.self), b.elements(as: Double.self)).reduce(0) { $0 + $1.0 * $1.1 }
}
