import Kernels
import Tensors
import Testing

/// A pooling with its input's extents.
struct PoolingCase: Sendable, CustomTestStringConvertible {
  var channels: Int
  var spatial: [Int]
  var kernel: [Int]
  var strides: [Int]?
  var dilations: [Int]?
  var pads: [Int]?
  var roundsUp = false
  var countsPadding = false

  var testDescription: String {
    "\(channels)x\(spatial), kernel \(kernel), strides \(strides ?? []), pads \(pads ?? []), "
      + "dilations \(dilations ?? []), up \(roundsUp), padding \(countsPadding)"
  }

  var input: Shape { Shape([2, channels] + spatial) }

  func parameters() throws -> PoolingParameters {
    PoolingParameters(
      window: try SlidingWindow(
        kernel: kernel, strides: strides, dilations: dilations, padsBegin: pads, padsEnd: pads),
      roundsUp: roundsUp, countsPadding: countsPadding)
  }

  static let all: [PoolingCase] = [
    PoolingCase(channels: 16, spatial: [12, 13], kernel: [3, 3], strides: [2, 2]),
    PoolingCase(
      channels: 19, spatial: [11, 11], kernel: [3, 3], strides: [2, 2], pads: [1, 1],
      roundsUp: true, countsPadding: true),
    PoolingCase(channels: 5, spatial: [8, 9], kernel: [2, 2], strides: [2, 2], roundsUp: true),
    PoolingCase(channels: 40, spatial: [7, 7], kernel: [7, 7]),
    PoolingCase(
      channels: 3, spatial: [9], kernel: [4], strides: [3], pads: [2], countsPadding: true),
    PoolingCase(channels: 17, spatial: [4, 5, 6], kernel: [2, 2, 3], strides: [1, 2, 2]),
    PoolingCase(channels: 16, spatial: [9, 9], kernel: [2, 3], dilations: [3, 2], pads: [1, 2]),
  ]
}

@Suite struct PoolingTests {
  /// The blocked layout that a 1x1 convolution leaves a tensor in.
  private func blocked(_ x: Tensor, in workspace: Workspace) throws -> Tensor {
    let channels = x.shape[1]
    let kernel = [Int](repeating: 1, count: x.shape.rank - 2)
    let identity = Tensor(Float.self, shape: Shape([channels, channels] + kernel)) { buffer in
      for index in buffer.indices {
        buffer.initializeElement(at: index, to: index / channels == index % channels ? 1 : 0)
      }
    }
    return try workspace.convolution(
      x, weights: identity, ConvolutionParameters(window: try SlidingWindow(kernel: kernel)))
  }

  @Test(arguments: PoolingCase.all)
  func layoutsAndTypesAgree(test: PoolingCase) throws {
    var generator = SplitMix64(seed: 1)
    let workspace = Workspace()
    let parameters = try test.parameters()
    let x = generator.tensor(test.input)
    let block = try blocked(x.single, in: workspace)
    #expect(distance(block, x, in: workspace) == 0)
    let maximum = try workspace.maximumPooling(x, parameters)
    let average = try workspace.averagePooling(x, parameters)
    let dy = generator.tensor(maximum.shape)
    let steepest = try workspace.maximumPoolingGradient(dy, x, parameters)
    let share = try workspace.averagePoolingGradient(dy, shape: x.shape, parameters)
    for input in [x.single, block] {
      #expect(
        distance(try workspace.maximumPooling(input, parameters), maximum, in: workspace) == 0)
      let mean = try workspace.averagePooling(input, parameters)
      #expect(distance(mean, average, in: workspace) < 1e-6)
      #expect(padsWithZeros(mean))
      let choice = try workspace.maximumPoolingGradient(dy.single, input, parameters)
      #expect(distance(choice, steepest, in: workspace) < 1e-6)
      #expect(padsWithZeros(choice))
    }
    let spread = try workspace.averagePoolingGradient(dy.single, shape: x.shape, parameters)
    #expect(distance(spread, share, in: workspace) < 1e-6)
    let blockedSpread = try workspace.averagePoolingGradient(
      try blocked(dy.single, in: workspace), shape: x.shape, parameters)
    #expect(distance(blockedSpread, share, in: workspace) < 1e-6)
  }

  /// <dy, average(x)> = <gradient(dy), x>, whatever the numbers.
  @Test(arguments: PoolingCase.all)
  func averageGradientIsTheAdjoint(test: PoolingCase) throws {
    var generator = SplitMix64(seed: 2)
    let workspace = Workspace()
    let parameters = try test.parameters()
    let x = generator.tensor(test.input)
    let y = try workspace.averagePooling(x, parameters)
    let dy = generator.tensor(y.shape)
    let dx = try workspace.averagePoolingGradient(dy, shape: x.shape, parameters)
    #expect(abs(dot(dy, y) - dot(dx, x)) < 1e-10)
  }

  /// The gradient puts each element of dy at the place that the indices name.
  @Test(arguments: PoolingCase.all)
  func maximumGradientFollowsTheIndices(test: PoolingCase) throws {
    var generator = SplitMix64(seed: 3)
    let workspace = Workspace()
    let parameters = try test.parameters()
    let x = generator.tensor(test.input)
    let indices = try workspace.maximumPoolingIndices(x, isColumnMajor: false, parameters)
      .elements(as: Int64.self)
    let maxima = try workspace.maximumPooling(x, parameters)
    let dy = generator.tensor(maxima.shape)
    let elements = x.elements(as: Double.self)
    #expect(indices.map { elements[Int($0)] } == maxima.elements(as: Double.self))
    var expected = [Double](repeating: 0, count: elements.count)
    for (index, gradient) in zip(indices, dy.elements(as: Double.self)) {
      expected[Int(index)] += gradient
    }
    let dx = try workspace.maximumPoolingGradient(dy, x, parameters)
    #expect(dx.elements(as: Double.self) == expected)
  }

  @Test func blocksKeepTheConventionOfTies() throws {
    let workspace = Workspace()
    let parameters = PoolingParameters(
      window: try SlidingWindow(kernel: [1, 3], strides: [1, 3]))
    let row: [Float] = [1, 1, 0, 2, 3, 3, -4, -4, -4]
    let x = Tensor((0..<16).flatMap { _ in row }, shape: [1, 16, 1, 9])
    let dy = Tensor(repeating: 1 as Float, shape: [1, 16, 1, 3])
    let dx = try workspace.maximumPoolingGradient(
      dy, try blocked(x, in: workspace), parameters)
    #expect(dx.layout != .rowMajor)
    #expect(
      workspace.rowMajor(dx).elements(as: Float.self)
        == (0..<16).flatMap { _ in [1, 0, 0, 0, 1, 0, 1, 0, 0] as [Float] })
  }

  @Test func blocksKeepNaNAndInfinity() throws {
    let workspace = Workspace()
    let parameters = PoolingParameters(window: try SlidingWindow(kernel: [2], strides: [2]))
    let row: [Float] = [.nan, 1, 2, .nan, -.infinity, -.infinity, 3, .infinity]
    let x = Tensor((0..<16).flatMap { _ in row }, shape: [1, 16, 8])
    let layout = Layout.blockedChannels(16)
    let block = Tensor(.float32, x.shape, layout: layout, storage: Storage(byteCount: x.byteCount))
    let target = block.address.bindMemory(to: Float.self, capacity: x.elementCount)
    for place in 0..<8 { for lane in 0..<16 { target[place * 16 + lane] = row[place] } }
    for input in [x, block] {
      let maxima = workspace.rowMajor(try workspace.maximumPooling(input, parameters))
        .elements(as: Float.self)
      #expect(maxima[0].isNaN && maxima[1].isNaN)
      #expect(maxima[2] == -.infinity && maxima[3] == .infinity)
    }
  }
}

extension Workspace {
  /// The gradient of `maximumPooling` at `x`.
  fileprivate func maximumPoolingGradient(
    _ dy: Tensor, _ x: Tensor, _ parameters: PoolingParameters
  ) throws -> Tensor {
    try maximumPoolingGradient(
      dy, at: try maximumPoolingChoices(x, parameters).choices, shape: x.shape, parameters)
  }
}
