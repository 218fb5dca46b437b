// Swish: y = x * sigmoid(beta * x), beta 1 by default, as BVLC's master has had it since 2018.
#include <cmath>
#include <vector>

#include "caffe/layer_factory.hpp"
#include "caffe/layers/neuron_layer.hpp"

namespace caffe {

template <typename Dtype>
class SwishLayer : public NeuronLayer<Dtype> {
 public:
  explicit SwishLayer(const LayerParameter& param)
      : NeuronLayer<Dtype>(param), beta_(param.swish_param().beta()) {}

  virtual inline const char* type() const { return "Swish"; }

  virtual void Reshape(const vector<Blob<Dtype>*>& bottom, const vector<Blob<Dtype>*>& top) {
    NeuronLayer<Dtype>::Reshape(bottom, top);
    gate_.ReshapeLike(*bottom[0]);
  }

 protected:
  virtual void Forward_cpu(const vector<Blob<Dtype>*>& bottom, const vector<Blob<Dtype>*>& top) {
    const Dtype* x = bottom[0]->cpu_data();
    Dtype* gate = gate_.mutable_cpu_data();
    Dtype* y = top[0]->mutable_cpu_data();
    for (int i = 0; i < bottom[0]->count(); ++i) {
      // Through tanh, since exp(-z) overflows for large negative z.
      gate[i] = Dtype(0.5) + Dtype(0.5) * std::tanh(Dtype(0.5) * beta_ * x[i]);
      y[i] = x[i] * gate[i];
    }
  }

  virtual void Backward_cpu(const vector<Blob<Dtype>*>& top, const vector<bool>& propagate_down,
                            const vector<Blob<Dtype>*>& bottom) {
    if (!propagate_down[0]) return;
    // dy/dx = g + beta y (1 - g) needs only the gate and y, both of which survive computation in place.
    const Dtype* gate = gate_.cpu_data();
    const Dtype* y = top[0]->cpu_data();
    const Dtype* dy = top[0]->cpu_diff();
    Dtype* dx = bottom[0]->mutable_cpu_diff();
    for (int i = 0; i < bottom[0]->count(); ++i) {
      dx[i] = dy[i] * (gate[i] + beta_ * y[i] * (Dtype(1) - gate[i]));
    }
  }

 private:
  const Dtype beta_;
  Blob<Dtype> gate_;
};

INSTANTIATE_CLASS(SwishLayer);
REGISTER_LAYER_CLASS(Swish);

}  // namespace caffe
