import Tensors

/// Convolutions in float64 as the definition has them: sums over channels and window places.
extension Workspace {
  func directConvolution(
    _ x: Tensor, _ weights: Tensor, _ bias: Tensor?, _ addend: Tensor?, _ rectified: Bool,
    _ parameters: ConvolutionParameters, _ shape: Shape
  ) -> Tensor {
    let result = tensor(.float64, shape)
    let target = result.address.bindMemory(to: Double.self, capacity: shape.elementCount)
    let places = WindowPlaces(parameters.window, input: x.shape, output: shape)
    let (channels, outputs) = (x.shape[1], shape[1])
    let (groupInputs, groupOutputs) = (channels / parameters.groups, outputs / parameters.groups)
    let biases = bias?.elements(as: Double.self)
    x.withElements(as: Double.self) { source in
      weights.withElements(as: Double.self) { weights in
        parallel(shape[0] * outputs, grain: 1) { planes in
          for plane in planes {
            let (sample, output) = (plane / outputs, plane % outputs)
            let sums = target + plane * places.outputSize
            sums.update(repeating: biases?[output] ?? 0, count: places.outputSize)
            for channel in 0..<groupInputs {
              let from = sample * channels + output / groupOutputs * groupInputs + channel
              let taps = (output * groupInputs + channel) * places.taps.count
              for (index, tap) in places.taps.enumerated() {
                let weight = weights[taps + index]
                tap.forEachRow { input, output, count in
                  let (row, step) = (from * places.inputSize + input, tap.step)
                  for place in 0..<count {
                    sums[output + place] += weight * source[row + place * step]
                  }
                }
              }
            }
          }
        }
      }
    }
    if let addend {
      addend.withElements(as: Double.self) { addend in
        for index in addend.indices { target[index] += addend[index] }
      }
    }
    if rectified {
      for index in 0..<shape.elementCount where target[index] < 0 { target[index] = 0 }
    }
    return result
  }

  func directInputGradient(
    _ dy: Tensor, _ weights: Tensor, _ shape: Shape, _ parameters: ConvolutionParameters
  ) -> Tensor {
    let result = tensor(.float64, shape)
    let target = result.address.bindMemory(to: Double.self, capacity: shape.elementCount)
    let places = WindowPlaces(parameters.window, input: shape, output: dy.shape)
    let (channels, outputs) = (shape[1], dy.shape[1])
    let (groupInputs, groupOutputs) = (channels / parameters.groups, outputs / parameters.groups)
    dy.withElements(as: Double.self) { source in
      weights.withElements(as: Double.self) { weights in
        parallel(shape[0] * channels, grain: 1) { planes in
          for plane in planes {
            let (sample, channel) = (plane / channels, plane % channels)
            let group = channel / groupInputs
            let sums = target + plane * places.inputSize
            sums.update(repeating: 0, count: places.inputSize)
            for output in group * groupOutputs..<(group + 1) * groupOutputs {
              let from = (sample * outputs + output) * places.outputSize
              let taps = (output * groupInputs + channel % groupInputs) * places.taps.count
              for (index, tap) in places.taps.enumerated() {
                let weight = weights[taps + index]
                tap.forEachRow { input, output, count in
                  for place in 0..<count {
                    sums[input + place * tap.step] += weight * source[from + output + place]
                  }
                }
              }
            }
          }
        }
      }
    }
    return result
  }
}

/// Where each place of a window meets the input, for 1 to 3 spatial dimensions.
struct WindowPlaces {
  /// One place of the window: the rows of output elements whose window has it inside the input.
  struct Tap {
    /// Elements between the input elements that neighbouring output elements meet.
    let step: Int
    fileprivate let axes: [Axis]

    /// Calls `body` with the first input element, the first output element and the count of each
    /// row, within one plane.
    @inline(__always)
    func forEachRow(_ body: (_ input: Int, _ output: Int, _ count: Int) -> Void) {
      let (depth, height, width) = (axes[0], axes[1], axes[2])
      guard !width.outputs.isEmpty else { return }
      for z in depth.outputs {
        for y in height.outputs {
          let input = (depth.input(z) * height.extent + height.input(y)) * width.extent
          let output = (z * height.outputExtent + y) * width.outputExtent
          body(
            input + width.input(width.outputs.lowerBound), output + width.outputs.lowerBound,
            width.outputs.count)
        }
      }
    }
  }

  fileprivate struct Axis {
    let extent: Int
    let outputExtent: Int
    let stride: Int
    let offset: Int
    /// The output places at which this place of the window lies inside the input.
    let outputs: Range<Int>

    init(extent: Int, outputExtent: Int, stride: Int, offset: Int) {
      (self.extent, self.outputExtent) = (extent, outputExtent)
      (self.stride, self.offset) = (stride, offset)
      let lower = offset >= 0 ? 0 : (stride - 1 - offset) / stride
      let upper = extent > offset ? (extent - 1 - offset) / stride + 1 : 0
      outputs = lower..<max(lower, min(upper, outputExtent))
    }

    func input(_ output: Int) -> Int { output * stride + offset }
  }

  /// Elements in one plane of the input and of the output.
  let inputSize: Int
  let outputSize: Int
  /// The places of the window in row-major order.
  let taps: [Tap]

  init(_ window: SlidingWindow, input: Shape, output: Shape) {
    inputSize = input.dropFirst(2).reduce(1, *)
    outputSize = output.dropFirst(2).reduce(1, *)
    let lead = 3 - window.kernel.count
    let perAxis = (0..<3).map { axis -> [Axis] in
      guard axis >= lead else {
        return [Axis(extent: 1, outputExtent: 1, stride: 1, offset: 0)]
      }
      let spatial = axis - lead
      return (0..<window.kernel[spatial]).map { place in
        Axis(
          extent: input[spatial + 2], outputExtent: output[spatial + 2],
          stride: window.strides[spatial],
          offset: place * window.dilations[spatial] - window.padsBegin[spatial])
      }
    }
    taps = perAxis[0].flatMap { z in
      perAxis[1].flatMap { y in
        perAxis[2].map { x in Tap(step: x.stride, axes: [z, y, x]) }
      }
    }
  }
}
